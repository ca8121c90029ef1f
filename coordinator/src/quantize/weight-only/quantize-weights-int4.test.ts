import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ModelProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { intAttribute, readInt } from '../../onnx/attribute.ts';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { opsetOf } from '../../onnx/opset.ts';
import { createTensor, readTensor } from '../../onnx/tensor.ts';
import { writeModel } from '../../onnx/write-model.ts';
import { buildBranch, buildConditional } from '../rewrite/fixtures/build-subgraph.ts';
import { randomValues, randomWeights } from '../rewrite/fixtures/random-tensor.ts';
import { countTypes, floats, prepare, runModels, sqnrDb } from '../rewrite/fixtures/run-model.ts';
import { type Int4Options, quantizeWeightsInt4 } from './quantize-weights-int4.ts';

/** MatMul of K = 100, which no block size divides, and Gemm with transposed weights and bias. */
function twoProducts(opset = 13): ModelProto {
  return buildModel({
    opset,
    inputs: { x: [2, 3, 100] },
    outputs: { y: [6, 40] },
    initialisers: [
      randomWeights('w1', [100, 70]),
      randomWeights('w2', [40, 70]),
      randomWeights('b2', [40]),
      createTensor('rows', 'int64', [2], BigInt64Array.of(6n, 70n)),
    ],
    nodes: [
      buildNode('MatMul', ['x', 'w1'], ['h']),
      buildNode('Reshape', ['h', 'rows'], ['r']),
      buildNode('Gemm', ['r', 'w2', 'b2'], ['y'], [intAttribute('transB', 1)]),
    ],
  });
}

const feeds = { x: floats([2, 3, 100], randomValues([600])) };

/** The weights [K, N] that a MatMulNBits stands for, from the operator's definition alone. */
function dequantize(model: ModelProto, node: NodeProto): Float32Array {
  const read = (name: string | undefined): ArrayLike<number | bigint> | undefined => {
    const tensor = model.graph!.initializer.find((candidate) => candidate.name === name);
    return tensor && readTensor(tensor).data;
  };
  const [rows, columns] = [readInt(node, 'K', 0), readInt(node, 'N', 0)];
  const blockSize = readInt(node, 'block_size', 0);
  const blocks = Math.ceil(rows / blockSize);
  const [packed, scales, zeroPoints] = [read(node.input[1])!, read(node.input[2])!, read(node.input[3])];
  const nibble = (bytes: ArrayLike<number | bigint>, i: number): number =>
    (Number(bytes[Math.floor(i / 2)]) >> (i % 2 === 0 ? 0 : 4)) & 15;
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [k, n] = [Math.floor(i / columns), i % columns];
    const block = Math.floor(k / blockSize);
    const zero = zeroPoints ? nibble(zeroPoints, n * Math.ceil(blocks / 2) * 2 + block) : 8;
    const at = n * blocks + block;
    return (nibble(packed, at * blockSize + (k % blockSize)) - zero) * Number(scales[at]);
  });
}

/** The float model with its weights replaced by what the 4-bit ones stand for. */
function floatReference(model: ModelProto): ModelProto {
  const [first, second] = model.graph!.node.filter((node) => node.opType === 'MatMulNBits');
  const bias = model.graph!.initializer.find((tensor) => tensor.name === 'b2')!;
  const reference = twoProducts();
  reference.graph!.initializer = [
    createTensor('w1', 'float32', [100, 70], dequantize(model, first!)),
    createTensor('w2', 'float32', [70, 40], dequantize(model, second!)),
    bias,
    reference.graph!.initializer[3]!,
  ];
  reference.graph!.node[2]!.attribute = [];
  return reference;
}

describe('quantizeWeightsInt4', () => {
  const variants: Int4Options[] = [
    {},
    { symmetry: 'symmetric' },
    { blockSize: 16 },
    { blockSize: 64, symmetry: 'symmetric' },
    { blockSize: 128 },
  ];
  for (const options of variants) {
    it(`computes what its weights stand for, ${JSON.stringify(options)}`, async () => {
      const source = twoProducts();
      const { folded, types } = await prepare(source);
      const { model, quantizedOperators } = quantizeWeightsInt4(folded, types, options);
      const outputs = await runModels([model, floatReference(model), source], feeds);
      const [y, reference, float] = outputs.map((output) => output['y']!);
      const largest = Math.max(...(reference!.data as Float32Array).map(Math.abs));
      const worst = Math.max(
        ...(y!.data as Float32Array).map((value, i) => Math.abs(value - Number(reference!.data[i]))),
      );
      assert.ok(worst / largest < 1e-4, `${worst} of ${largest}`);
      assert.ok(sqnrDb(float!, y!) > 14, `${sqnrDb(float!, y!)} dB`);
      assert.deepEqual(quantizedOperators, { MatMul: 1, Gemm: 1 });
    });
  }

  it('writes the accuracy level, names every node, keeps input, output and opset, and drops the float weights', async () => {
    const { folded, types } = await prepare(twoProducts(9));
    const before = writeModel(folded);
    const { model, notes, floatOperators } = quantizeWeightsInt4(folded, types);
    const graph = model.graph!;
    assert.deepEqual(writeModel(folded), before);
    assert.deepEqual(writeModel(quantizeWeightsInt4(folded, types).model), writeModel(model));
    assert.deepEqual([graph.input, graph.output], [folded.graph!.input, folded.graph!.output]);
    assert.deepEqual([opsetOf(model), model.irVersion], [9, folded.irVersion]);
    assert.deepEqual(
      model.opsetImport.map(({ domain, version }) => `${domain}:${version}`),
      [':9', 'com.microsoft:1'],
    );
    const names = graph.node.map((node) => node.name);
    assert.ok(!names.includes('') && new Set(names).size === names.length, names.join());
    for (const node of graph.node.filter(({ opType }) => opType === 'MatMulNBits'))
      assert.equal(readInt(node, 'accuracy_level', 0), 1);
    const kept = graph.initializer.filter(({ name }) => name === 'w1' || name === 'w2');
    assert.deepEqual([kept, notes, floatOperators], [[], [], { Reshape: 1 }]);
    assert.ok(writeModel(model).length < before.length / 4);
  });

  it('rounds each block to nearest, its extreme exactly where symmetric, zeros to zeros', async () => {
    const w = createTensor('w', 'float32', [32, 2], new Float32Array(64));
    const values = new Float32Array(64);
    for (let k = 0; k < 32; k++) values[2 * k] = k / 31 - 0.75;
    w.rawData = new Uint8Array(values.buffer);
    const source = buildModel({
      opset: 13,
      inputs: { x: [1, 32] },
      outputs: { y: [1, 2] },
      initialisers: [w],
      nodes: [buildNode('MatMul', ['x', 'w'], ['y'])],
    });
    for (const symmetry of ['symmetric', 'asymmetric'] as const) {
      const { model } = quantizeWeightsInt4(source, new Map(), { symmetry });
      const found = dequantize(model, model.graph!.node[0]!);
      const step = symmetry === 'symmetric' ? 0.75 / 8 : 1 / 15;
      for (let i = 0; i < 64; i++)
        assert.ok(Math.abs(found[i]! - values[i]!) <= step * 1.001, `${symmetry} ${i}`);
      assert.equal(found[1], 0);
      if (symmetry === 'symmetric') assert.equal(found[0], -0.75);
    }
  });

  it('quantizes weights that two operators share once, and in subgraphs where they are used', async () => {
    const source = buildConditional({
      inputs: { x: [2, 64] },
      output: [2, 64],
      initialisers: [randomWeights('w', [64, 64])],
      nodes: [buildNode('MatMul', ['x', 'w'], ['h'])],
      thenBranch: buildBranch([buildNode('MatMul', ['h', 'w'], ['a'])], 'a'),
      elseBranch: buildBranch([buildNode('MatMul', ['x', 'v'], ['b'])], 'b', [randomWeights('v', [64, 64])]),
    });
    const { folded, types } = await prepare(source);
    const { model, quantizedOperators } = quantizeWeightsInt4(folded, types);
    assert.deepEqual(quantizedOperators, { MatMul: 3 });
    assert.equal(countTypes(model)['MatMulNBits'], 3);
    assert.equal(model.graph!.initializer.filter(({ name }) => name.startsWith('w_Q4')).length, 3);
    for (const choice of [1, -1]) {
      const inputs = { x: floats([2, 64], randomValues([128])), choice: floats([1], [choice]) };
      const [float = {}, quantized = {}] = await runModels([source, model], inputs);
      assert.ok(sqnrDb(float['y']!, quantized['y']!) > 14);
    }
  });

  it('keeps small weights float, and says which', () => {
    const source = buildModel({
      opset: 13,
      inputs: { x: [1, 4] },
      outputs: { y: [1, 40] },
      initialisers: [randomWeights('w1', [4, 64]), randomWeights('w2', [64, 40])],
      nodes: [buildNode('MatMul', ['x', 'w1'], ['h']), buildNode('MatMul', ['h', 'w2'], ['y'])],
    });
    const { notes, quantizedOperators } = quantizeWeightsInt4(source, new Map());
    assert.deepEqual(quantizedOperators, { MatMul: 1 });
    assert.deepEqual(notes, ['MatMul "h" stays float: blocks of 32 would make its weights [4, 64] larger.']);
  });

  it('refuses what has nothing to quantize, weights that are not finite, and block sizes without a kernel', () => {
    const source = (weights: Float32Array): ModelProto =>
      buildModel({
        opset: 13,
        inputs: { x: [1, 64] },
        outputs: { y: [1, 2] },
        initialisers: [createTensor('w', 'float32', [64, 2], weights)],
        nodes: [buildNode('MatMul', ['x', 'w'], ['y'])],
      });
    const relu = buildModel({
      opset: 13,
      inputs: { x: [1] },
      outputs: { y: [1] },
      nodes: [buildNode('Relu', ['x'], ['y'])],
    });
    assert.throws(() => quantizeWeightsInt4(relu, new Map()), {
      code: 'refused',
      message: /no MatMul or Gemm with constant weights/,
    });
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const weights = new Float32Array(128).fill(0.5);
      weights[7] = bad;
      assert.throws(() => quantizeWeightsInt4(source(weights), new Map()), {
        code: 'refused',
        message: /"w" holds (NaN|Infinity) at element 7/,
      });
    }
    assert.throws(() => quantizeWeightsInt4(source(new Float32Array(128)), new Map(), { blockSize: 48 }), {
      code: 'invalid-argument',
    });
  });
});
