import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { createRandom } from '@qfleet/shared/random.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type TensorProto,
} from '../../../gen/onnx/onnx_pb.js';
import { OrtChild } from '../../ort/ort-child.ts';
import { intAttribute, stringAttribute } from '../attribute.ts';
import { elementTypeNamed } from '../element-type.ts';
import { buildModel, buildNode } from '../fixtures/build-model.ts';
import { countElements, createTensor } from '../tensor.ts';
import { writeModel } from '../write-model.ts';
import { runReferenceNode } from './run-reference-node.ts';
import { toMessage, toPlain } from './testing/tensor-message.ts';
import { withoutOddTypes } from './testing/without-odd-types.ts';
import { createValue, integerLimits, type Value } from './value.ts';

interface Comparison {
  readonly operator: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly attributes?: readonly AttributeProto[];
}

const random = createRandom(11);

/** Every operator of the reference, in the forms that networks have: groups, strides, broadcasting, blocks, 4 and 16 bits. */
const comparisons: Readonly<Record<string, Comparison>> = {
  'QLinearConv with a bias, padding, strides and a scale per channel': qLinearConv(
    [2, 3, 7, 8],
    [4, 3, 3, 2],
    [ints('pads', [1, 0, 2, 1]), ints('strides', [2, 1])],
  ),
  'QLinearConv in groups, dilated': qLinearConv(
    [1, 6, 9, 9],
    [4, 3, 3, 3],
    [intAttribute('group', 2), ints('dilations', [2, 3])],
  ),
  'QLinearConv, depthwise, padded to the same size': qLinearConv(
    [1, 5, 6, 6],
    [5, 1, 3, 3],
    [intAttribute('group', 5), stringAttribute('auto_pad', 'SAME_UPPER')],
  ),
  'QLinearConv, padded to the same size from below, with an even kernel': qLinearConv(
    [1, 2, 5, 5],
    [3, 2, 2, 2],
    [stringAttribute('auto_pad', 'SAME_LOWER'), ints('strides', [2, 2])],
  ),
  'QLinearConv of one spatial axis': qLinearConv([1, 4, 11], [3, 4, 5], [ints('pads', [2, 2])]),
  'QLinearConv of three spatial axes': qLinearConv([1, 2, 4, 4, 4], [2, 2, 2, 3, 2], []),
  'ConvInteger with both zero points': {
    operator: 'ConvInteger',
    inputs: [
      draw('uint8', [2, 4, 6, 5]),
      draw('uint8', [6, 2, 3, 3]),
      scalar('uint8', 7),
      scalar('uint8', 130),
    ],
    attributes: [intAttribute('group', 2), ints('pads', [1, 1, 1, 1]), ints('strides', [1, 2])],
    outputs: { y: 'int32' },
  },
  'MatMulInteger, broadcast, with a zero point per column': {
    operator: 'MatMulInteger',
    inputs: [
      draw('uint8', [2, 1, 4, 9]),
      draw('uint8', [3, 9, 5]),
      scalar('uint8', 3),
      draw('uint8', [3, 1, 5]),
    ],
    outputs: { y: 'int32' },
  },
  'MatMulInteger without zero points': {
    operator: 'MatMulInteger',
    inputs: [draw('uint8', [4, 9]), drawSmall([9, 5])],
    outputs: { y: 'int32' },
  },
  'QLinearMatMul with a scale per column': {
    operator: 'QLinearMatMul',
    inputs: [
      ...[draw('uint8', [3, 4, 9]), scalar('float32', 0.02), scalar('uint8', 120)],
      ...[drawSmall([9, 5]), drawScales(5), createValue('int8', [5], [0, 0, 0, 0, 0])],
      ...[scalar('float32', 0.05), scalar('uint8', 100)],
    ],
    outputs: { y: 'uint8' },
  },
  'DynamicQuantizeLinear of nothing but 0': {
    operator: 'DynamicQuantizeLinear',
    inputs: [createValue('float32', [3], [0, 0, 0])],
    outputs: { y: 'uint8', y_scale: 'float32', y_zero_point: 'uint8' },
  },
  DynamicQuantizeLinear: {
    operator: 'DynamicQuantizeLinear',
    inputs: [createValue('float32', [50], drawFloats(50, 3))],
    outputs: { y: 'uint8', y_scale: 'float32', y_zero_point: 'uint8' },
  },
  ...Object.fromEntries(
    ['int8', 'uint8', 'int16', 'uint16'].map((type) => [
      `QuantizeLinear to ${type} along the last axis, with ties and saturation`,
      {
        operator: 'QuantizeLinear',
        inputs: [
          createValue('float32', [40, 3], drawHalves(120, type)),
          createValue('float32', [3], [0.25, 0.5, 3]),
          draw(type, [3]),
        ],
        attributes: [intAttribute('axis', -1)],
        outputs: { y: type },
      },
    ]),
  ),
  ...Object.fromEntries(
    ['int4', 'uint4'].map((type) => [
      `QuantizeLinear to ${type}`,
      {
        operator: 'QuantizeLinear',
        inputs: [
          createValue('float32', [40, 3], drawHalves(120, type)),
          scalar('float32', 0.25),
          drawOne(type),
        ],
        outputs: { y: type },
      },
    ]),
  ),
  'QuantizeLinear in blocks': {
    operator: 'QuantizeLinear',
    inputs: [
      createValue('float32', [4, 6], drawFloats(24, 3)),
      createValue('float32', [4, 3], drawFloats(12, 0.01).map(Math.abs)),
      draw('uint8', [4, 3]),
    ],
    attributes: [intAttribute('axis', 1), intAttribute('block_size', 2)],
    outputs: { y: 'uint8' },
  },
  ...Object.fromEntries(
    ['int4', 'uint4', 'int8', 'uint8', 'int16', 'uint16'].map((type) => [
      `DequantizeLinear of ${type} along an axis`,
      {
        operator: 'DequantizeLinear',
        inputs: [draw(type, [2, 3, 5]), drawScales(3), draw(type, [3])],
        attributes: [intAttribute('axis', 1)],
        outputs: { y: 'float32' },
      },
    ]),
  ),
  'DequantizeLinear of int4 in blocks': {
    operator: 'DequantizeLinear',
    inputs: [draw('int4', [6, 4]), createValue('float32', [3, 4], drawFloats(12, 0.1).map(Math.abs))],
    attributes: [intAttribute('axis', 0), intAttribute('block_size', 2)],
    outputs: { y: 'float32' },
  },
  'QLinearMatMul in int8 that saturates at both ends': {
    operator: 'QLinearMatMul',
    inputs: [
      ...[draw('int8', [3, 9]), scalar('float32', 0.1), scalar('int8', 5)],
      ...[draw('int8', [9, 4]), scalar('float32', 0.1), scalar('int8', -3)],
      ...[scalar('float32', 0.05), scalar('int8', 7)],
    ],
    outputs: { y: 'int8' },
  },
  'DequantizeLinear of int32 beyond what float32 holds': {
    operator: 'DequantizeLinear',
    inputs: [draw('int32', [60]), scalar('float32', 0.0123)],
    outputs: { y: 'float32' },
  },
};

describe('the reference implementation agrees with ONNX Runtime, to the last bit, on', () => {
  let child: OrtChild;
  let folder: string;
  before(async () => {
    child = new OrtChild();
    folder = await mkdtemp(join(tmpdir(), 'qfleet-reference-'));
  });
  after(async () => {
    await child[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  for (const [name, comparison] of Object.entries(comparisons)) {
    it(name, async () => {
      const { operator, inputs, outputs, attributes = [] } = comparison;
      const named = inputs.map((value, i) => (value ? `i${i}` : ''));
      const node = buildNode(operator, named, Object.keys(outputs), [...attributes]);
      const expected = runReferenceNode(node, inputs);
      const found = await runOnOrt(node, inputs, outputs, expected);
      assert.deepEqual(found, expected.map(toPlain));
    });
  }

  async function runOnOrt(
    node: ReturnType<typeof buildNode>,
    inputs: readonly (Value | undefined)[],
    outputs: Readonly<Record<string, string>>,
    expected: readonly Value[],
  ): Promise<Value[]> {
    const given = inputs.flatMap((value, i) => (value ? [{ name: `i${i}`, value }] : []));
    const model = buildModel({
      opset: 21,
      nodes: [node],
      inputs: Object.fromEntries(given.map(({ name, value }) => [name, value.dims])),
      outputs: Object.fromEntries(Object.keys(outputs).map((name, i) => [name, expected[i]!.dims])),
    });
    const types = [...given.map(({ value }) => value.elementType), ...Object.values(outputs)];
    for (const [i, { type }] of [...model.graph!.input, ...model.graph!.output].entries()) {
      if (type?.value.case === 'tensorType') type.value.value.elemType = elementTypeNamed(types[i]!).code;
    }
    const path = join(folder, 'model.onnx');
    const passable = withoutOddTypes({
      model,
      inputs: given.map(({ name, value }) => toTensor(name, value)),
    });
    await writeFile(path, writeModel(passable));
    await child.open({ path, optimisation: 'disabled', threads: 1 });
    const values = new Map(given.map(({ name, value }) => [name, value]));
    const feeds = passable.graph!.input.map(({ name }) => [name, toMessage(values.get(name)!)]);
    const found = await child.run(Object.fromEntries(feeds));
    return Object.values(outputs).map((elementType, i) => {
      const { dims, data } = found[passable.graph!.output[i]!.name] as Value;
      return toPlain({ elementType, dims, data });
    });
  }
});

/** int4 and uint4 two to a byte, the first in the low nibble. */
function toTensor(name: string, value: Value): TensorProto {
  const { elementType, dims, data } = value;
  if (!elementType.endsWith('int4')) {
    const { data: elements } = toMessage(value);
    return createTensor(name, elementType, dims, elements);
  }
  const nibble = (i: number): number => (data[i] ?? 0) & 0xf;
  const packed = Uint8Array.from(
    { length: Math.ceil(data.length / 2) },
    (_, i) => nibble(2 * i) | (nibble(2 * i + 1) << 4),
  );
  return createTensor(name, elementType, dims, packed);
}

function qLinearConv(x: readonly number[], w: readonly number[], attributes: AttributeProto[]): Comparison {
  const channels = w[0]!;
  return {
    operator: 'QLinearConv',
    inputs: [
      ...[draw('uint8', x), scalar('float32', 0.03), scalar('uint8', 119)],
      ...[drawSmall(w), drawScales(channels), createValue('int8', [channels], new Int8Array(channels))],
      ...[scalar('float32', 0.04), scalar('uint8', 131)],
      createValue(
        'int32',
        [channels],
        Array.from({ length: channels }, () => random.below(4000) - 2000),
      ),
    ],
    attributes,
    outputs: { y: 'uint8' },
  };
}

function draw(elementType: string, dims: readonly number[]): Value {
  const { low, high } = integerLimits(elementType);
  const data = Array.from({ length: countElements(dims) }, () => low + random.below(high - low + 1));
  return createValue(elementType, dims, data);
}

function drawOne(elementType: string): Value {
  return createValue(elementType, [], draw(elementType, [1]).data);
}

/** int8 weights of 7 bits, which no processor saturates on. */
function drawSmall(dims: readonly number[]): Value {
  const data = Array.from({ length: countElements(dims) }, () => random.below(128) - 64);
  return createValue('int8', dims, data);
}

function drawScales(count: number): Value {
  return createValue('float32', [count], drawFloats(count, 0.01).map(Math.abs));
}

function drawFloats(count: number, largest: number): Float32Array {
  return Float32Array.from({ length: count }, () => (random.next() * 2 - 1) * largest);
}

/** Multiples of 1/8 that reach beyond a type at a scale of 0.25. */
function drawHalves(count: number, elementType: string): Float32Array {
  const { low, high } = integerLimits(elementType);
  return Float32Array.from({ length: count }, () => (random.below(8 * (high - low)) - 4 * (high - low)) / 8);
}

function scalar(elementType: string, value: number): Value {
  return createValue(elementType, [], [elementType === 'float32' ? Math.fround(value) : value]);
}

function ints(name: string, values: readonly number[]): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: values.map(BigInt) });
}
