import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { projectFolder } from '../../../test/support/project-folder.ts';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  type ModelProto,
  type NodeProto,
  OperatorSetIdProtoSchema,
} from '../../gen/onnx/onnx_pb.js';
import { countOptimised } from '../quantize/rewrite/fixtures/run-model.ts';
import { intAttribute, intsAttribute } from './attribute.ts';
import { buildModel, buildNode } from './fixtures/build-model.ts';
import { mobileNet } from './fixtures/mobile-net.ts';
import { parseModel } from './parse-model.ts';
import { predictKernels } from './predict-kernels.ts';
import { createTensor } from './tensor.ts';

function countExpected(model: ModelProto): { layers: number; x64: number; arm: number } {
  const kernels = [...predictKernels(model.graph!).values()];
  const count = (target: 'x64' | 'arm'): number =>
    kernels.filter((expected) => expected[target] === 'integer').length;
  return { layers: kernels.length, x64: count('x64'), arm: count('arm') };
}

/** Files that ONNX Runtime's own quantizer made of one network of three convolutions and a product. */
const counts = {
  // With int8 activations x64 fuses one of the three convolutions, and the product.
  'ort-qdq-s8s8-per-tensor.onnx': { layers: 4, x64: 2, arm: 4 },
  'ort-qdq-u8s8-per-channel.onnx': { layers: 4, x64: 4, arm: 4 },
};

for (const [name, expected] of Object.entries(counts)) {
  test(`the layers of ${name} that run on integers, on x64 and on Arm`, async () => {
    const bytes = await readFile(join(projectFolder, 'test/foreign', name));
    assert.deepEqual(countExpected(parseModel(bytes)), expected);
  });
}

test('nothing of a float model is expected on integers', () => {
  assert.deepEqual(countExpected(mobileNet()), { layers: 53, x64: 0, arm: 0 });
});

const target = process.arch === 'arm64' ? 'arm' : 'x64';
const q = (from: string, to: string, zero = 'z') =>
  buildNode('QuantizeLinear', [from, 's', zero].filter(Boolean), [to]);
const dq = (from: string, to: string, zero = 'z') =>
  buildNode('DequantizeLinear', [from, 's', zero].filter(Boolean), [to]);
const floatAttribute = (name: string, f: number) => create(AttributeProtoSchema, { name, type: 1, f });
const bias = buildNode('DequantizeLinear', ['b', 'bs', 'bz'], ['bd']);
const input = [q('x', 'xq'), dq('xq', 'xd')];
const weights = dq('w', 'wd', 'wz');
const end = (from: string, zero = 'z') => [q(from, 'cq', zero), dq('cq', 'y', zero)];
const convWeights = dq('k', 'kd', 'wz');
const convInput = [q('image', 'xq'), dq('xq', 'xd')];

/** Each pattern with one layer, and whether its kernel is an integer one on x64 (asked of ONNX Runtime below). */
const patterns: Record<string, readonly NodeProto[]> = {
  'MatMul and QuantizeLinear': [...input, weights, buildNode('MatMul', ['xd', 'wd'], ['m']), ...end('m')],
  'MatMul to the output': [...input, weights, buildNode('MatMul', ['xd', 'wd'], ['y'])],
  'MatMul, Relu, output': [
    ...input,
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    buildNode('Relu', ['m'], ['y']),
  ],
  'MatMul with several readers': [
    ...input,
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    buildNode('Sigmoid', ['m'], ['a']),
    buildNode('Mul', ['m', 'a'], ['y']),
  ],
  'MatMul of transposed weights': [
    ...input,
    dq('w', 'd', 'wz'),
    buildNode('Transpose', ['d'], ['wd']),
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    ...end('m'),
  ],
  'MatMul of weights behind Identity': [
    ...input,
    buildNode('Identity', ['w'], ['i']),
    dq('i', 'wd', 'wz'),
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    ...end('m'),
  ],
  'MatMul of float weights quantized in the file': [
    ...input,
    q('wf', 'i', 'wz'),
    dq('i', 'wd', 'wz'),
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    ...end('m'),
  ],
  Gemm: [...input, weights, buildNode('Gemm', ['xd', 'wd'], ['m']), ...end('m')],
  'Gemm with alpha': [
    ...input,
    weights,
    buildNode('Gemm', ['xd', 'wd'], ['m'], [floatAttribute('alpha', 0.5)]),
    ...end('m'),
  ],
  'Gemm with alpha to the output': [
    ...input,
    weights,
    buildNode('Gemm', ['xd', 'wd'], ['y'], [floatAttribute('alpha', 0.5)]),
  ],
  'Gemm with several readers': [
    ...input,
    weights,
    buildNode('Gemm', ['xd', 'wd'], ['m']),
    buildNode('Sigmoid', ['m'], ['a']),
    buildNode('Mul', ['m', 'a'], ['y']),
  ],
  'Gemm with a bias': [...input, weights, bias, buildNode('Gemm', ['xd', 'wd', 'bd'], ['m']), ...end('m')],
  'Gemm with a bias and alpha': [
    ...input,
    weights,
    bias,
    buildNode('Gemm', ['xd', 'wd', 'bd'], ['m'], [floatAttribute('alpha', 0.5)]),
    ...end('m'),
  ],
  'Gemm with a bias and beta': [
    ...input,
    weights,
    bias,
    buildNode('Gemm', ['xd', 'wd', 'bd'], ['m'], [floatAttribute('beta', 0.5)]),
    ...end('m'),
  ],
  Conv: [...convInput, convWeights, buildNode('Conv', ['xd', 'kd'], ['m']), ...end('m')],
  'Conv to the output': [...convInput, convWeights, buildNode('Conv', ['xd', 'kd'], ['y'])],
  'Conv, Reshape, QuantizeLinear': [
    ...convInput,
    convWeights,
    buildNode('Conv', ['xd', 'kd'], ['m']),
    buildNode('Reshape', ['m', 'flat'], ['r']),
    ...end('r'),
  ],
  'Conv, MaxPool, QuantizeLinear': [
    ...convInput,
    convWeights,
    buildNode('Conv', ['xd', 'kd'], ['m']),
    buildNode('MaxPool', ['m'], ['r'], [intsAttribute('kernel_shape', [2, 2])]),
    ...end('r'),
  ],
  'Conv and Clip that cuts more than the range': [
    ...convInput,
    convWeights,
    buildNode('Conv', ['xd', 'kd'], ['m']),
    buildNode('Clip', ['m', 'none', 'six'], ['r']),
    ...end('r', 'least'),
  ],
  'Conv and Clip that cuts as the range does': [
    ...convInput,
    convWeights,
    buildNode('Conv', ['xd', 'kd'], ['m']),
    buildNode('Clip', ['m', 'none', 'wide'], ['r']),
    ...end('r', 'least'),
  ],
  'Pad, Conv': [
    ...convInput,
    convWeights,
    buildNode('Pad', ['xd', 'pads'], ['padded']),
    buildNode('Conv', ['padded', 'kd'], ['m']),
    ...end('m'),
  ],
  'MaxPool, Conv': [
    ...convInput,
    convWeights,
    buildNode('MaxPool', ['xd'], ['pooled'], [intsAttribute('kernel_shape', [2, 2])]),
    buildNode('Conv', ['pooled', 'kd'], ['m']),
    ...end('m'),
  ],
  'Conv, Dropout, QuantizeLinear': [
    ...convInput,
    convWeights,
    buildNode('Conv', ['xd', 'kd'], ['m']),
    buildNode('Dropout', ['m'], ['r']),
    ...end('r'),
  ],
  'MatMul, Relu, QuantizeLinear with values under 0': [
    ...input,
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    buildNode('Relu', ['m'], ['r']),
    ...end('r'),
  ],
  'MatMul, Relu, QuantizeLinear from 0 on': [
    ...input,
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    buildNode('Relu', ['m'], ['r']),
    ...end('r', 'least'),
  ],
  'MatMul, Relu, Sigmoid': [
    ...input,
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    buildNode('Relu', ['m'], ['r']),
    buildNode('Sigmoid', ['r'], ['y']),
  ],
  'MatMul and a bias to the output': [
    ...input,
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    buildNode('Add', ['m', 'row'], ['y']),
  ],
  'MatMul and a single number to the output': [
    ...input,
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    buildNode('Add', ['m', 'six'], ['y']),
  ],
  'MatMul, a bias and QuantizeLinear': [
    ...input,
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    buildNode('Add', ['m', 'row'], ['r']),
    ...end('r'),
  ],
  'Gemm with a float bias': [...input, weights, buildNode('Gemm', ['xd', 'wd', 'row'], ['m']), ...end('m')],
  'Gemm with a float bias to the output': [...input, weights, buildNode('Gemm', ['xd', 'wd', 'row'], ['y'])],
  'MatMul with its int8 weights on the left': [
    q('square', 'xq'),
    dq('xq', 'xd'),
    weights,
    buildNode('MatMul', ['wd', 'xd'], ['m']),
    ...end('m'),
  ],
  'MatMul of Flatten': [
    ...input,
    weights,
    buildNode('Flatten', ['xd'], ['moved']),
    buildNode('MatMul', ['moved', 'wd'], ['m']),
    ...end('m'),
  ],
  'MatMul of Slice': [
    ...input,
    weights,
    buildNode('Slice', ['xd', 'zeroth', 'third', 'zeroth'], ['moved']),
    buildNode('MatMul', ['moved', 'wd'], ['m']),
    ...end('m'),
  ],
  'MatMul of weights whose float values are reshaped': [
    ...input,
    dq('w', 'd', 'wz'),
    buildNode('Reshape', ['d', 'shape'], ['wd']),
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    ...end('m'),
  ],
  'MatMul behind steps that change nothing': [
    ...input,
    dq('w', 'd', 'wz'),
    buildNode('Cast', ['d'], ['e'], [intAttribute('to', 1)]),
    buildNode('Mul', ['e', 'one'], ['wd']),
    buildNode('Dropout', ['xd'], ['a']),
    buildNode('Add', ['none', 'a'], ['moved']),
    buildNode('MatMul', ['moved', 'wd'], ['m']),
    ...end('m'),
  ],
  'MatMul of a dynamically quantized input': [
    buildNode('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']),
    buildNode('DequantizeLinear', ['xq', 'xs', 'xz'], ['xd']),
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['y']),
  ],
  'MatMul of int8 activations that two take': [
    q('x', 'xq', 'wz'),
    dq('xq', 'xd', 'wz'),
    weights,
    buildNode('MatMul', ['xd', 'wd'], ['m']),
    buildNode('Add', ['m', 'xd'], ['y']),
  ],
};
for (const [what, nodes] of Object.entries(patterns)) {
  test(`${what}: what is predicted is what ONNX Runtime runs`, async () => {
    const isImage = nodes.includes(convWeights);
    const model = buildModel({
      opset: 13,
      inputs: isImage ? { image: [1, 2, 4, 4] } : what.includes('left') ? { square: [4, 4] } : { x: [3, 4] },
      outputs: { y: isImage ? (what.includes('Reshape') ? [32] : ['a', 'b', 'c', 'd']) : ['a', 'b'] },
      initialisers: [
        createTensor('s', 'float32', [], Float32Array.of(0.1)),
        createTensor('z', 'uint8', [], Uint8Array.of(128)),
        createTensor('wz', 'int8', [], Int8Array.of(0)),
        createTensor(
          'w',
          'int8',
          [4, 4],
          Int8Array.from({ length: 16 }, (_, i) => i - 8),
        ),
        createTensor(
          'wf',
          'float32',
          [4, 4],
          Float32Array.from({ length: 16 }, (_, i) => i - 8),
        ),
        createTensor('k', 'int8', [2, 2, 1, 1], Int8Array.of(1, 2, 3, 4)),
        createTensor('b', 'int32', [4], Int32Array.of(1, 2, 3, 4)),
        createTensor('bs', 'float32', [], Float32Array.of(0.01)),
        createTensor('bz', 'int32', [], Int32Array.of(0)),
        createTensor('flat', 'int64', [1], BigInt64Array.of(-1n)),
        createTensor('least', 'uint8', [], Uint8Array.of(0)),
        createTensor('none', 'float32', [], Float32Array.of(0)),
        createTensor('one', 'float32', [], Float32Array.of(1)),
        createTensor('six', 'float32', [], Float32Array.of(6)),
        createTensor('wide', 'float32', [], Float32Array.of(30)),
        createTensor('row', 'float32', [4], Float32Array.of(1, 2, 3, 4)),
        createTensor('pads', 'int64', [8], BigInt64Array.of(0n, 0n, 1n, 1n, 0n, 0n, 1n, 1n)),
        createTensor('zeroth', 'int64', [1], BigInt64Array.of(0n)),
        createTensor('third', 'int64', [1], BigInt64Array.of(2n)),
        createTensor('shape', 'int64', [2], BigInt64Array.of(4n, 4n)),
      ],
      nodes,
    });
    const counts = await countOptimised(model);
    const runsInFloat = ['MatMul', 'Gemm', 'FusedGemm', 'Conv', 'FusedConv', 'FusedMatMul'].some(
      (type) => counts[type],
    );
    const [predicted] = predictKernels(model.graph!).values();
    assert.equal(predicted?.[target], runsInFloat ? 'float' : 'integer', JSON.stringify(counts));
  });
}

test('scales of float16, and codes whose type output_dtype says, are run in float', () => {
  const half = [...input, weights, buildNode('MatMul', ['xd', 'wd'], ['m']), ...end('m')];
  const graphOf = (nodes: readonly NodeProto[], scale: 'float16' | 'float32') =>
    buildModel({
      opset: 21,
      inputs: { x: [3, 4] },
      outputs: { y: [3, 4] },
      initialisers: [
        scale === 'float16'
          ? createTensor('s', 'float16', [], Uint16Array.of(0x2e66))
          : createTensor('s', 'float32', [], Float32Array.of(0.1)),
        createTensor('z', 'uint8', [], Uint8Array.of(128)),
        createTensor('wz', 'int8', [], Int8Array.of(0)),
        createTensor(
          'w',
          'int8',
          [4, 4],
          Int8Array.from({ length: 16 }, (_, i) => i - 8),
        ),
      ],
      nodes,
    }).graph!;
  const expected = (nodes: readonly NodeProto[], scale: 'float16' | 'float32' = 'float32') =>
    [...predictKernels(graphOf(nodes, scale)).values()].map((each) => each.x64);
  assert.deepEqual(expected(half), ['integer']);
  assert.deepEqual(expected(half, 'float16'), ['float']);
  const typed = buildNode('QuantizeLinear', ['x', 's'], ['xq'], [intAttribute('output_dtype', 2)]);
  assert.deepEqual(
    expected([typed, dq('xq', 'xd', ''), weights, buildNode('MatMul', ['xd', 'wd'], ['m']), ...end('m')]),
    ['float'],
  );
});

test('layers in branches and in functions of the model’s own are predicted as ONNX Runtime runs them', async () => {
  const initialisers = [
    createTensor('s', 'float32', [], Float32Array.of(0.1)),
    createTensor('z', 'uint8', [], Uint8Array.of(128)),
    createTensor('wz', 'int8', [], Int8Array.of(0)),
    createTensor('w', 'int8', [4, 4], new Int8Array(16).fill(3)),
  ];
  const branch = (name: string) => {
    const product = [weights, buildNode('MatMul', ['xd', 'wd'], ['m']), ...end('m')];
    const renamed = [...input, ...product].map((node) => {
      const rename = (tensor: string) =>
        ['x', ...initialisers.map((each) => each.name)].includes(tensor) ? tensor : `${name}/${tensor}`;
      return buildNode(node.opType, node.input.map(rename), node.output.map(rename), node.attribute);
    });
    const graph = buildModel({
      opset: 17,
      inputs: {},
      outputs: { [`${name}/y`]: ['n', 4] },
      nodes: renamed,
    }).graph!;
    return create(AttributeProtoSchema, { name, type: 5, g: graph });
  };
  const choose = buildNode('If', ['isLarge'], ['chosen'], [branch('then_branch'), branch('else_branch')]);
  const call = Object.assign(buildNode('Multiply', ['xd', 'wd'], ['m']), { domain: 'own' });
  const model = buildModel({
    opset: 17,
    inputs: { x: [3, 4] },
    outputs: { y: [3, 4], chosen: [3, 4] },
    initialisers,
    nodes: [
      buildNode('ReduceSum', ['x'], ['sum'], [intAttribute('keepdims', 0)]),
      buildNode('Greater', ['sum', 's'], ['isLarge']),
      choose,
      ...[...input, weights, call, ...end('m')],
    ],
  });
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'own', version: 1n }));
  model.functions.push(
    create(FunctionProtoSchema, {
      ...{ domain: 'own', name: 'Multiply', input: ['a', 'b'], output: ['o'] },
      opsetImport: [{ domain: '', version: 17n }],
      node: [buildNode('MatMul', ['a', 'b'], ['o'])],
    }),
  );
  assert.equal((await countOptimised(model))['QLinearMatMul'], 3);
  const predicted = predictKernels(model.graph!, model.functions);
  assert.deepEqual(
    [...predicted.values()].map((expected) => expected[target]),
    ['integer', 'integer', 'integer'],
  );
});

test('a Cast that changes the type of the weights keeps the layer in float', async () => {
  const model = buildModel({
    opset: 19,
    inputs: { x: [3, 4] },
    outputs: { y: [3, 4] },
    initialisers: [
      createTensor('s', 'float32', [], Float32Array.of(0.1)),
      createTensor('half', 'float16', [], Uint16Array.of(0x2e66)),
      createTensor('z', 'uint8', [], Uint8Array.of(128)),
      createTensor('wz', 'int8', [], Int8Array.of(0)),
      createTensor('w', 'int8', [4, 4], new Int8Array(16).fill(3)),
    ],
    nodes: [
      ...input,
      buildNode('DequantizeLinear', ['w', 'half', 'wz'], ['d']),
      buildNode('Cast', ['d'], ['wd'], [intAttribute('to', 1)]),
      buildNode('MatMul', ['xd', 'wd'], ['m']),
      ...end('m'),
    ],
  });
  assert.equal((await countOptimised(model))['QLinearMatMul'], undefined);
  assert.equal(predictKernels(model.graph!).get('m')?.[target], 'float');
});
