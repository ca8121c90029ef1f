import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type ModelProto,
} from '../../gen/onnx/onnx_pb.js';
import { OrtChild } from '../ort/ort-child.ts';
import { intAttribute, stringAttribute } from './attribute.ts';
import { buildModel, buildNode } from './fixtures/build-model.ts';
import { opsetOf } from './opset.ts';
import { inferShapes } from './shapes.ts';
import { createTensor } from './tensor.ts';
import { upgradeOpset } from './upgrade-opset.ts';
import { writeModel } from './write-model.ts';

const ints = (name: string, values: readonly (number | bigint)[]): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: values.map(BigInt) });
const floats = (name: string, values: number[]): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOATS, floats: values });
const float = (name: string, value: number): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value });

/** Every operator whose form or meaning changed between the opsets, in one line. */
function oldModel(opset: 7 | 9): ModelProto {
  const scale =
    opset < 9
      ? buildNode(
          'Upsample',
          ['pooled'],
          ['big'],
          [stringAttribute('mode', 'nearest'), floats('scales', [1, 1, 2, 2])],
        )
      : buildNode('Dropout', ['pooled'], ['big']);
  return buildModel({
    opset,
    inputs: { x: [1, 2, 6, 6] },
    outputs: { soft: ['a', 'b', 'c', 'd'], top: ['k'], total: ['t'] },
    nodes: [
      buildNode('Clip', ['x'], ['clipped'], [float('min', -0.5), float('max', 0.75)]),
      buildNode(
        'Pad',
        ['clipped'],
        ['padded'],
        [ints('pads', [0, 0, 1, 1, 0, 0, 1, 1]), float('value', 0.25)],
      ),
      buildNode(
        'Slice',
        ['padded'],
        ['sliced'],
        [ints('axes', [2, 3]), ints('starts', [1, -6]), ints('ends', [7, 2n ** 63n - 1n])],
      ),
      buildNode('MaxPool', ['sliced'], ['pooled'], [ints('kernel_shape', [2, 2])]),
      scale,
      buildNode('Split', ['big'], ['left', 'right'], [intAttribute('axis', 1), ints('split', [1, 1])]),
      buildNode('Squeeze', ['left'], ['flat'], [ints('axes', [0, 1])]),
      buildNode('Unsqueeze', ['flat'], ['again'], [ints('axes', [0, 1])]),
      buildNode('Add', ['again', 'right'], ['sum']),
      buildNode('Softmax', ['sum'], ['soft'], [intAttribute('axis', 1)]),
      buildNode('ReduceSum', ['soft'], ['total'], [ints('axes', [0, 1, 2, 3]), intAttribute('keepdims', 0)]),
      buildNode('TopK', ['sum'], ['top', 'places'], [intAttribute('k', 2), intAttribute('axis', 3)]),
    ],
  });
}

async function run(model: ModelProto, feeds: Float32Array): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  try {
    const path = join(folder, 'model.onnx');
    await writeFile(path, writeModel(model));
    await using child = new OrtChild();
    await child.open({ path, optimisation: 'disabled', threads: 1 });
    return await child.run({ x: { elementType: 'float32', dims: [1, 2, 6, 6], data: feeds } });
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('upgradeOpset', () => {
  const feeds = Float32Array.from({ length: 72 }, (_, i) => Math.sin(i * 1.7));

  for (const opset of [7, 9] as const) {
    it(`computes the same from opset ${opset} at 13`, async () => {
      const old = oldModel(opset);
      const { model } = upgradeOpset(old, await inferShapes(old));
      assert.equal(opsetOf(model), 13);
      const [before, after] = [await run(old, feeds), await run(model, feeds)];
      assert.deepEqual(after, before);
    });
  }

  for (const opset of [9, 10] as const) {
    it(`writes Scatter as ScatterElements from opset ${opset}`, async () => {
      const old = buildModel({
        opset,
        inputs: { x: [1, 2, 6, 6] },
        outputs: { y: [1, 2, 6, 6] },
        initialisers: [
          createTensor('places', 'int64', [1, 1, 1, 2], BigInt64Array.of(4n, 1n)),
          createTensor('values', 'float32', [1, 1, 1, 2], Float32Array.of(7, 8)),
        ],
        nodes: [buildNode('Scatter', ['x', 'places', 'values'], ['y'], [intAttribute('axis', 2)])],
      });
      const { model } = upgradeOpset(old, await inferShapes(old));
      assert.deepEqual(await run(model, feeds), await run(old, feeds));
    });
  }

  for (const [scale, mode] of [
    [0.6, 'nearest'],
    [1.7, 'nearest'],
  ] as const) {
    it(`resizes as opset 10 does: ${mode} by ${scale}`, async () => {
      const old = buildModel({
        opset: 10,
        inputs: { x: [1, 2, 6, 6] },
        outputs: { y: ['a', 'b', 'c', 'd'] },
        initialisers: [createTensor('scales', 'float32', [4], Float32Array.of(1, 1, scale, scale))],
        nodes: [buildNode('Resize', ['x', 'scales'], ['y'], [stringAttribute('mode', mode)])],
      });
      const { model } = upgradeOpset(old, await inferShapes(old));
      assert.deepEqual(await run(model, feeds), await run(old, feeds));
    });
  }

  it('gives the value of a Pad the type of what it pads', async () => {
    const cast = (input: string, output: string, to: number) =>
      buildNode('Cast', [input], [output], [intAttribute('to', to)]);
    const old = buildModel({
      opset: 9,
      inputs: { x: [1, 2, 6, 6] },
      outputs: { y: [1, 2, 7, 7] },
      nodes: [
        cast('x', 'wide', 11),
        buildNode(
          'Pad',
          ['wide'],
          ['padded'],
          [ints('pads', [0, 0, 1, 1, 0, 0, 0, 0]), float('value', 0.25)],
        ),
        cast('padded', 'y', 1),
      ],
    });
    const { model } = upgradeOpset(old, await inferShapes(old));
    const found = await run(model, feeds);
    assert.deepEqual(found, await run(old, feeds));
  });

  it('names operators that ONNX has taken out', () => {
    const model = buildModel({
      opset: 8,
      inputs: { x: [1] },
      outputs: { y: [1] },
      nodes: [buildNode('ImageScaler', ['x'], ['y'])],
    });
    assert.throws(() => upgradeOpset(model, new Map()), { code: 'unsupported', message: /ImageScaler "y"/ });
  });

  it('leaves newer models as they are and refuses older ones than 7', () => {
    const model = buildModel({
      opset: 17,
      inputs: { x: [1] },
      outputs: { y: [1] },
      nodes: [buildNode('Relu', ['x'], ['y'])],
    });
    assert.equal(upgradeOpset(model, new Map()).model, model);
    const ancient = buildModel({
      opset: 6,
      inputs: { x: [1] },
      outputs: { y: [1] },
      nodes: [buildNode('Relu', ['x'], ['y'])],
    });
    assert.throws(() => upgradeOpset(ancient, new Map()), { code: 'unsupported', message: /opset 6/ });
  });

  it('names the operator that opset 13 has no equal of', () => {
    const model = buildModel({
      opset: 8,
      inputs: { x: [1] },
      outputs: { y: [1] },
      nodes: [buildNode('Dropout', ['x'], ['y', 'mask'])],
    });
    assert.throws(() => upgradeOpset(model, new Map()), {
      code: 'unsupported',
      message: /Dropout "y".*mask/,
    });
  });
});
