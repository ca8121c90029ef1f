import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { findElementType } from '../../onnx/element-type.ts';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { inferShapes } from '../../onnx/shapes.ts';
import { createTensor } from '../../onnx/tensor.ts';
import { writeModel } from '../../onnx/write-model.ts';
import { buildBranch, buildConditional } from '../rewrite/fixtures/build-subgraph.ts';
import { randomValues, randomWeights } from '../rewrite/fixtures/random-tensor.ts';
import { floats, prepare, runModels, sqnrDb } from '../rewrite/fixtures/run-model.ts';
import { convertToFloat16 } from './convert-to-float16.ts';

/** Input arithmetic, Conv, Relu, Resize, Add, pooling, Gemm, Softmax; the pooled tensor is an output too. */
function network(opset = 13): ModelProto {
  return buildModel({
    opset,
    inputs: { x: [1, 3, 8, 8] },
    outputs: { y: [1, 5], pooled: [1, 8, 1, 1] },
    initialisers: [
      createTensor('mean', 'float32', [1, 3, 1, 1], Float32Array.of(0.4, 0.5, 0.6)),
      randomWeights('k1', [8, 3, 3, 3]),
      randomWeights('b1', [8]),
      randomWeights('k2', [8, 8, 1, 1]),
      createTensor('none', 'float32', [0], new Float32Array(0)),
      createTensor('scales', 'float32', [4], Float32Array.of(1, 1, 2, 2)),
      randomWeights('w', [8, 5]),
      randomWeights('b', [5]),
    ],
    nodes: [
      buildNode('Sub', ['x', 'mean'], ['centred']),
      buildNode('Conv', ['centred', 'k1', 'b1'], ['c1']),
      buildNode('Relu', ['c1'], ['r1']),
      buildNode('Resize', ['r1', 'none', 'scales'], ['large']),
      buildNode('Conv', ['large', 'k2'], ['c2']),
      buildNode('GlobalAveragePool', ['c2'], ['pooled']),
      buildNode('Flatten', ['pooled'], ['flat']),
      buildNode('Gemm', ['flat', 'w', 'b'], ['logits']),
      buildNode('Softmax', ['logits'], ['y']),
    ],
  });
}

const image = { x: floats([1, 3, 8, 8], randomValues([192])) };

function weightTypes(model: ModelProto): Record<string, string> {
  return Object.fromEntries(
    model.graph!.initializer.map(({ name, dataType }) => [name, findElementType(dataType)!.name]),
  );
}

/** Reads as "c1: centred_float16, k1, b1 → c1". */
function describeFlow(model: ModelProto): string[] {
  return model.graph!.node.map(
    (node) => `${node.opType}: ${node.input.join(', ')} → ${node.output.join(', ')}`,
  );
}

describe('convertToFloat16', () => {
  it('has weights and operators in float16, Resize and what comes before the first weights in float32', async () => {
    const { folded, types } = await prepare(network());
    const { model, quantizedOperators, floatOperators, notes } = convertToFloat16(folded, types);
    assert.deepEqual(describeFlow(model), [
      'Sub: x, mean → centred',
      'Cast: centred → centred_float16',
      'Conv: centred_float16, k1, b1 → c1',
      'Relu: c1 → r1',
      'Cast: r1 → r1_float32',
      'Resize: r1_float32, none, scales → large',
      'Cast: large → large_float16',
      'Conv: large_float16, k2 → c2',
      'GlobalAveragePool: c2 → pooled_float16',
      'Cast: pooled_float16 → pooled',
      'Flatten: pooled_float16 → flat',
      'Gemm: flat, w, b → logits',
      'Softmax: logits → y_float16',
      'Cast: y_float16 → y',
    ]);
    const half = { k1: 'float16', b1: 'float16', k2: 'float16', w: 'float16', b: 'float16' };
    const full = { mean: 'float32', none: 'float32', scales: 'float32' };
    assert.deepEqual(weightTypes(model), { ...full, ...half });
    const counted = { Conv: 2, Relu: 1, GlobalAveragePool: 1, Flatten: 1, Gemm: 1, Softmax: 1 };
    assert.deepEqual([quantizedOperators, floatOperators], [counted, { Sub: 1, Resize: 1 }]);
    assert.deepEqual(notes, []);
  });

  it('computes nearly the same at old and new opsets', async () => {
    for (const opset of [11, 13, 17]) {
      const { folded, types } = await prepare(network(opset));
      const { model } = convertToFloat16(folded, types);
      const [float = {}, half = {}] = await runModels([folded, model], image);
      for (const output of ['y', 'pooled']) {
        const sqnr = sqnrDb(float[output]!, half[output]!);
        assert.ok(sqnr > 50, `opset ${opset} ${output}: ${sqnr} dB`);
      }
    }
  });

  it('leaves its input alone, gives the same bytes again, keeps inputs, outputs, opset and IR version, and names every node', async () => {
    const { folded, types } = await prepare(network());
    const before = writeModel(folded);
    const { model } = convertToFloat16(folded, types);
    const graph = model.graph!;
    assert.deepEqual(writeModel(folded), before);
    assert.deepEqual(writeModel(convertToFloat16(folded, types).model), writeModel(model));
    assert.deepEqual([graph.input, graph.output], [folded.graph!.input, folded.graph!.output]);
    assert.deepEqual([model.opsetImport, model.irVersion], [folded.opsetImport, folded.irVersion]);
    const names = graph.node.map((node) => node.name);
    assert.ok(!names.includes('') && new Set(names).size === names.length, names.join());
  });

  it('never takes a name that is in use, and keeps a float32 weight beside the float16 one for who needs it', async () => {
    const source = buildModel({
      opset: 13,
      inputs: { x: [4, 4], x_float16: [4, 4] },
      outputs: { y: [4, 4], z: [4, 4] },
      initialisers: [randomWeights('w', [4, 4])],
      nodes: [
        buildNode('MatMul', ['x', 'w'], ['h']),
        buildNode('Add', ['h', 'x_float16'], ['y']),
        buildNode('Exp', ['w'], ['e']),
        buildNode('Add', ['e', 'x'], ['z']),
      ],
    });
    const { model } = convertToFloat16(source, await inferShapes(source));
    assert.deepEqual(weightTypes(model), { w: 'float32', w_float16: 'float16' });
    const feeds = { x: floats([4, 4], randomValues([16])), x_float16: floats([4, 4], randomValues([16])) };
    const [float = {}, half = {}] = await runModels([source, model], feeds);
    assert.ok(sqnrDb(float['y']!, half['y']!) > 50);
    assert.equal(sqnrDb(float['z']!, half['z']!), Number.POSITIVE_INFINITY);
  });

  it('leaves subgraphs in float32, with the tensors that they take from outside', async () => {
    const source = buildConditional({
      inputs: { x: [2, 8] },
      output: [2, 8],
      initialisers: [randomWeights('w', [8, 8])],
      nodes: [buildNode('MatMul', ['x', 'w'], ['h']), buildNode('Relu', ['h'], ['r'])],
      thenBranch: buildBranch([buildNode('MatMul', ['r', 'w'], ['a'])], 'a'),
      elseBranch: buildBranch([buildNode('Neg', ['x'], ['b'])], 'b'),
    });
    const { folded, types } = await prepare(source);
    const { model, notes, quantizedOperators } = convertToFloat16(folded, types);
    assert.deepEqual(
      [quantizedOperators, notes],
      [{ MatMul: 1, Relu: 1 }, ['If and what is inside stays float32.']],
    );
    for (const choice of [1, -1]) {
      const feeds = { x: floats([2, 8], randomValues([16])), choice: floats([1], [choice]) };
      const [float = {}, half = {}] = await runModels([source, model], feeds);
      assert.ok(sqnrDb(float['y']!, half['y']!) > 50);
    }
  });

  it('clips masks and keeps infinities that are no weights, and counts what it changed', async () => {
    const source = buildModel({
      opset: 13,
      inputs: { x: [2, 4] },
      outputs: { y: [2, 4] },
      initialisers: [
        createTensor(
          'w',
          'float32',
          [4, 4],
          Float32Array.from({ length: 16 }, (_, i) => (i ? i / 16 : 1e-9)),
        ),
        createTensor('mask', 'float32', [4], Float32Array.of(0, -3e38, -1 / 0, 0)),
        createTensor('epsilon', 'float32', [], Float32Array.of(1e-12)),
      ],
      nodes: [
        buildNode('MatMul', ['x', 'w'], ['h']),
        buildNode('Add', ['h', 'mask'], ['m']),
        buildNode('Softmax', ['m'], ['s']),
        buildNode('Max', ['s', 'epsilon'], ['divisor']),
        buildNode('Div', ['s', 'divisor'], ['y']),
      ],
    });
    const { model, notes } = convertToFloat16(source, await inferShapes(source));
    assert.deepEqual(notes, [
      'Of 21 constants 1 are beyond ±65504, and were clipped to it.',
      'Of 21 constants 1 are too near to 0 for float16 (at most 2^-25), and became 0.',
      'Of 21 constants 1 are scalars too near to 0 for float16, and became ±2^-24.',
    ]);
    const feeds = { x: floats([2, 4], randomValues([8])) };
    const [float = {}, half = {}] = await runModels([source, model], feeds);
    assert.ok(sqnrDb(float['y']!, half['y']!) > 50);
  });

  it('refuses what has no weights, is of an old opset, or holds weights that are not finite', async () => {
    const withWeights = (values: Float32Array, opset = 13): ModelProto =>
      buildModel({
        opset,
        inputs: { x: [1, 4] },
        outputs: { y: [1, 2] },
        initialisers: [createTensor('w', 'float32', [4, 2], values)],
        nodes: [buildNode('MatMul', ['x', 'w'], ['y'])],
      });
    const relu = buildModel({
      opset: 13,
      inputs: { x: [1] },
      outputs: { y: [1] },
      nodes: [buildNode('Relu', ['x'], ['y'])],
    });
    const types = await inferShapes(withWeights(new Float32Array(8)));
    assert.throws(() => convertToFloat16(relu, new Map()), { code: 'refused', message: /nothing.*Relu/ });
    assert.throws(() => convertToFloat16(withWeights(new Float32Array(8), 6), types), {
      code: 'unsupported',
    });
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => convertToFloat16(withWeights(new Float32Array(8).fill(bad)), types), {
        code: 'refused',
        message: /"w" holds (NaN|Infinity) at element 0/,
      });
    }
  });
});
