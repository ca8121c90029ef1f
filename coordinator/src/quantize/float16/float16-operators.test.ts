import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../../onnx/attribute.ts';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { inferShapes } from '../../onnx/shapes.ts';
import { createTensor } from '../../onnx/tensor.ts';
import { randomValues, randomWeights } from '../rewrite/fixtures/random-tensor.ts';
import { countTypes, floats, prepare, runModels, sqnrDb } from '../rewrite/fixtures/run-model.ts';
import { convertToFloat16 } from './convert-to-float16.ts';

interface Case {
  readonly node: NodeProto;
  readonly constants?: readonly TensorProto[];
}

const int64 = (name: string, ...values: number[]): TensorProto =>
  createTensor(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));

/** An operator on `h` [1, 4, 6, 6] that makes `y`. */
function on(
  opType: string,
  constants: readonly TensorProto[] = [],
  attributes: NodeProto['attribute'] = [],
): Case {
  return {
    node: buildNode(opType, ['h', ...constants.map(({ name }) => name)], ['y'], attributes),
    constants,
  };
}

const ints = (name: string, ...values: number[]): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: values.map(BigInt) });

const cases: readonly Case[] = [
  ...['Abs', 'Elu', 'Erf', 'GlobalAveragePool', 'GlobalMaxPool', 'HardSigmoid', 'HardSwish', 'Identity'].map(
    (t) => on(t),
  ),
  ...['LeakyRelu', 'LogSoftmax', 'Neg', 'Relu', 'Selu', 'Sigmoid', 'Softmax', 'Softplus', 'Softsign'].map(
    (t) => on(t),
  ),
  ...['Tanh', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'Flatten', 'Transpose', 'Sqrt', 'Gelu', 'Mish'].map(
    (t) => on(t),
  ),
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'PRelu'].map((t) => on(t, [randomWeights('c', [4, 1, 1])])),
  on('Clip', [randomWeights('low', [], 0.1), randomWeights('high', [])]),
  on('MaxPool', [], [ints('kernel_shape', 2, 2)]),
  on('AveragePool', [], [ints('kernel_shape', 2, 2)]),
  on(
    'BatchNormalization',
    ['s', 'b', 'm', 'v'].map((name) => createTensor(name, 'float32', [4], new Float32Array(4).fill(0.7))),
  ),
  on('InstanceNormalization', [randomWeights('s', [4]), randomWeights('b', [4])]),
  on('LayerNormalization', [randomWeights('s', [6]), randomWeights('b', [6])]),
  on('Concat', [randomWeights('c', [1, 4, 6, 6])], [intAttribute('axis', 1)]),
  {
    node: buildNode(
      'Split',
      ['h'],
      ['y', 'other'],
      [intAttribute('axis', 2), intAttribute('num_outputs', 2)],
    ),
  },
  on('Slice', [int64('from', 1), int64('to', 3), int64('axes', 2)]),
  on('Pad', [int64('pads', 0, 0, 1, 1, 0, 0, 1, 1), randomWeights('value', [])]),
  on('Gather', [int64('at', 1, 2)], [intAttribute('axis', 1)]),
  on('GatherND', [createTensor('at', 'int64', [1, 2], BigInt64Array.of(0n, 1n))]),
  on('GatherElements', [createTensor('at', 'int64', [1, 1, 1, 2], BigInt64Array.of(0n, 0n))]),
  on('Reshape', [int64('to', 1, -1)]),
  on('Squeeze', [int64('axes', 0)]),
  on('Unsqueeze', [int64('axes', 0)]),
  on('Expand', [int64('to', 2, 4, 6, 6)]),
  on('Tile', [int64('times', 1, 2, 1, 1)]),
  on('DepthToSpace', [], [intAttribute('blocksize', 2)]),
  on('SpaceToDepth', [], [intAttribute('blocksize', 2)]),
  on('ConvTranspose', [randomWeights('k2', [4, 3, 2, 2])]),
  {
    node: buildNode('Where', ['mask', 'h', 'c'], ['y']),
    constants: [createTensor('mask', 'bool', [6], Uint8Array.of(1, 0, 1, 0, 1, 1)), randomWeights('c', [1])],
  },
];

/** All cases on one tensor `h`, each with names and an output of its own: `y0`, `y1`, … */
function buildAll(): ModelProto {
  const constants: TensorProto[] = [randomWeights('k', [4, 2, 1, 1])];
  const nodes = [buildNode('Conv', ['x', 'k'], ['c']), buildNode('Abs', ['c'], ['h'])];
  for (const [i, { node, constants: own = [] }] of cases.entries()) {
    for (const constant of own) constant.name = `${constant.name}${i}`;
    node.input = node.input.map((name) => (name === 'h' ? name : `${name}${i}`));
    node.output = node.output.map((name) => `${name}${i}`);
    node.name = `${node.opType}${i}`;
    constants.push(...own);
    nodes.push(node);
  }
  const outputs = Object.fromEntries(cases.map((_, i) => [`y${i}`, []]));
  const inputs = { x: [1, 2, 6, 6] };
  const model = buildModel({ opset: 20, inputs, outputs, initialisers: constants, nodes });
  for (const output of model.graph!.output) delete (output.type!.value.value as { shape?: unknown }).shape;
  return model;
}

describe('operators in float16', () => {
  it('load and compute nearly the same as in float32, each operator of the lists', async () => {
    const source = buildAll();
    const { model, floatOperators } = convertToFloat16(source, await inferShapes(source));
    assert.deepEqual(floatOperators, {});
    const feeds = { x: floats([1, 2, 6, 6], randomValues([72])) };
    const [float = {}, half = {}] = await runModels([source, model], feeds);
    for (const [i, { node }] of cases.entries()) {
      // Low because a minimum or a difference may be a small one of large values; wrong operators are near 0.
      const sqnr = sqnrDb(float[`y${i}`]!, half[`y${i}`]!);
      assert.ok(sqnr > 20, `${node.opType}: ${sqnr} dB`);
    }
  });

  it('leave recurrent layers in float32, for ONNX Runtime crashes with them', async () => {
    for (const [opType, gates] of [
      ['LSTM', 4],
      ['GRU', 3],
      ['RNN', 1],
    ] as const) {
      const source = buildModel({
        opset: 14,
        inputs: { x: [5, 1, 6] },
        outputs: { y: [5, 1, 1, 4] },
        initialisers: [
          randomWeights('w', [1, gates * 8, 6]),
          randomWeights('r', [1, gates * 8, 8]),
          randomWeights('m', [8, 4]),
        ],
        nodes: [
          buildNode(opType, ['x', 'w', 'r'], ['h'], [intAttribute('hidden_size', 8)]),
          buildNode('MatMul', ['h', 'm'], ['y']),
        ],
      });
      const { folded, types } = await prepare(source);
      const { model, floatOperators } = convertToFloat16(folded, types);
      assert.deepEqual(countTypes(model), { Cast: 2, [opType]: 1, MatMul: 1 });
      assert.deepEqual(floatOperators, { [opType]: 1 });
      const feeds = { x: floats([5, 1, 6], randomValues([30])) };
      const [float = {}, half = {}] = await runModels([folded, model], feeds);
      assert.ok(sqnrDb(float['y']!, half['y']!) > 45, opType);
    }
  });
});
