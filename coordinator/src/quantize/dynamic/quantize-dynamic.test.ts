import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type ModelProto,
} from '../../../gen/onnx/onnx_pb.js';
import { intAttribute, stringAttribute } from '../../onnx/attribute.ts';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { opsetOf } from '../../onnx/opset.ts';
import { createTensor, readTensor } from '../../onnx/tensor.ts';
import { writeModel } from '../../onnx/write-model.ts';
import { buildBranch, buildConditional } from '../rewrite/fixtures/build-subgraph.ts';
import { randomValues, randomWeights } from '../rewrite/fixtures/random-tensor.ts';
import {
  countOptimised,
  countTypes,
  floats,
  prepare,
  runModels,
  sqnrDb,
} from '../rewrite/fixtures/run-model.ts';
import { type DynamicOptions, quantizeDynamic } from './quantize-dynamic.ts';

/** MatMul alone on its activation, two MatMul on one activation, Gemm with transposed weights and bias. */
function products(opset = 13): ModelProto {
  return buildModel({
    opset,
    inputs: { x: [5, 32] },
    outputs: { y: [5, 8] },
    initialisers: [
      randomWeights('w1', [32, 24]),
      randomWeights('w2', [24, 16]),
      randomWeights('w3', [24, 16]),
      randomWeights('w4', [8, 16]),
      randomWeights('b4', [8]),
    ],
    nodes: [
      buildNode('MatMul', ['x', 'w1'], ['h']),
      buildNode('MatMul', ['h', 'w2'], ['p']),
      buildNode('MatMul', ['h', 'w3'], ['q']),
      buildNode('Mul', ['p', 'q'], ['m']),
      buildNode('Gemm', ['m', 'w4', 'b4'], ['y'], [intAttribute('transB', 1)]),
    ],
  });
}

const feeds = { x: floats([5, 32], randomValues([160])) };

function lstm(direction: 'forward' | 'bidirectional', opset = 14): ModelProto {
  const directions = direction === 'forward' ? 1 : 2;
  return buildModel({
    opset,
    inputs: { x: [12, 1, 20] },
    outputs: { y: [12, directions, 1, 16], last: [directions, 1, 16], cell: [directions, 1, 16] },
    initialisers: [
      randomWeights('w', [directions, 64, 20]),
      randomWeights('r', [directions, 64, 16]),
      randomWeights('b', [directions, 128], 0.1),
    ],
    nodes: [
      buildNode(
        'LSTM',
        ['x', 'w', 'r', 'b'],
        ['y', 'last', 'cell'],
        [
          intAttribute('hidden_size', 16),
          stringAttribute('direction', direction),
          ...(opset >= 14 ? [intAttribute('layout', 0)] : []),
        ],
      ),
    ],
  });
}

const everyOption: DynamicOptions[] = [
  {},
  { granularity: 'per-channel' },
  { reduceRange: true },
  { granularity: 'per-channel', reduceRange: true },
];

function int8Weights(model: ModelProto): number[] {
  return model
    .graph!.initializer.filter(({ name }) => name.endsWith('_quantized'))
    .flatMap((tensor) => [...(readTensor(tensor).data as Int8Array)]);
}

describe('quantizeDynamic', () => {
  for (const options of everyOption) {
    it(`multiplies matrices on integers, ${JSON.stringify(options)}`, async () => {
      const { folded, types } = await prepare(products());
      const { model, quantizedOperators, floatOperators, notes } = quantizeDynamic(folded, types, options);
      const [float = {}, quantized = {}] = await runModels([folded, model], feeds);
      const sqnr = sqnrDb(float['y']!, quantized['y']!);
      assert.ok(sqnr > 28, `${sqnr} dB`);
      const largest = Math.max(...int8Weights(model).map(Math.abs));
      assert.equal(largest, options.reduceRange ? 64 : 127);
      assert.deepEqual([quantizedOperators, floatOperators, notes], [{ MatMul: 3, Gemm: 1 }, { Mul: 1 }, []]);
    });

    it(`has the LSTM on integers, both directions, ${JSON.stringify(options)}`, async () => {
      const sequence = { x: floats([12, 1, 20], randomValues([240])) };
      for (const direction of ['forward', 'bidirectional'] as const) {
        const { folded, types } = await prepare(lstm(direction));
        const { model, quantizedOperators } = quantizeDynamic(folded, types, options);
        assert.deepEqual([quantizedOperators, countTypes(model)], [{ LSTM: 1 }, { DynamicQuantizeLSTM: 1 }]);
        const [float = {}, quantized = {}] = await runModels([folded, model], sequence);
        for (const output of ['y', 'last', 'cell']) {
          const sqnr = sqnrDb(float[output]!, quantized[output]!);
          assert.ok(sqnr > 25, `${direction} ${output}: ${sqnr} dB`);
        }
      }
    });
  }

  for (const opset of [11, 13, 15, 17, 21]) {
    it(`is fused into one operator per product at opset ${opset}`, async () => {
      const { folded, types } = await prepare(products(opset));
      for (const granularity of ['per-tensor', 'per-channel'] as const) {
        const { model } = quantizeDynamic(folded, types, { granularity });
        assert.equal(opsetOf(model), opset);
        assert.deepEqual(await countOptimised(model), {
          DynamicQuantizeMatMul: 2,
          DynamicQuantizeLinear: 1,
          MatMulIntegerToFloat: 2,
          Mul: 1,
        });
      }
    });
  }

  it('names every node, keeps input, output and IR version, needs no other operator sets, and drops the float weights', async () => {
    const { folded, types } = await prepare(products());
    const before = writeModel(folded);
    const { model } = quantizeDynamic(folded, types);
    const graph = model.graph!;
    assert.deepEqual(writeModel(folded), before);
    assert.deepEqual(writeModel(quantizeDynamic(folded, types).model), writeModel(model));
    assert.deepEqual([graph.input, graph.output], [folded.graph!.input, folded.graph!.output]);
    assert.deepEqual([model.opsetImport, model.irVersion], [folded.opsetImport, folded.irVersion]);
    const names = graph.node.map((node) => node.name);
    assert.ok(!names.includes('') && new Set(names).size === names.length, names.join());
    assert.deepEqual(
      graph.initializer.map(({ name }) => name).filter((name) => /^w\d$/.test(name)),
      [],
    );
  });

  it('raises the opset for DynamicQuantizeLinear alone, and says so', async () => {
    const old = await prepare(products(9));
    const { model, notes } = quantizeDynamic(old.folded, old.types);
    assert.deepEqual(
      [opsetOf(model), notes],
      [13, ['Opset raised from 9 to 13, which DynamicQuantizeLinear needs.']],
    );
    const [float = {}, quantized = {}] = await runModels([old.folded, model], feeds);
    assert.ok(sqnrDb(float['y']!, quantized['y']!) > 28);
    const recurrent = await prepare(lstm('forward', 9));
    assert.equal(opsetOf(quantizeDynamic(recurrent.folded, recurrent.types).model), 9);
  });

  it('quantizes in subgraphs, weights of either graph, and those that two operators share once', async () => {
    const source = buildConditional({
      inputs: { x: [2, 32] },
      output: [2, 32],
      initialisers: [randomWeights('w', [32, 32])],
      nodes: [buildNode('MatMul', ['x', 'w'], ['h'])],
      thenBranch: buildBranch(
        [buildNode('MatMul', ['h', 'w'], ['a1']), buildNode('MatMul', ['a1', 'v'], ['a'])],
        'a',
        [randomWeights('v', [32, 32])],
      ),
      // The same name as in the other branch, for another tensor.
      elseBranch: buildBranch([buildNode('MatMul', ['x', 'v'], ['b'])], 'b', [randomWeights('v', [32, 32])]),
    });
    const { folded, types } = await prepare(source);
    const { model, quantizedOperators } = quantizeDynamic(folded, types);
    assert.deepEqual([quantizedOperators, countTypes(model)['MatMulInteger']], [{ MatMul: 4 }, 4]);
    const shared = model.graph!.initializer.filter(({ name }) => name.startsWith('w_'));
    assert.deepEqual(
      shared.map(({ name }) => name),
      ['w_quantized', 'w_scale'],
    );
    for (const choice of [1, -1]) {
      const inputs = { x: floats([2, 32], randomValues([64])), choice: floats([1], [choice]) };
      const [float = {}, quantized = {}] = await runModels([source, model], inputs);
      assert.ok(sqnrDb(float['y']!, quantized['y']!) > 28);
    }
  });

  it('finds weights in Constant nodes, and never takes a name that is in use', async () => {
    const value = create(AttributeProtoSchema, {
      name: 'value',
      type: AttributeProto_AttributeType.TENSOR,
      t: randomWeights('', [8, 4]),
    });
    const source = buildModel({
      opset: 13,
      inputs: { x: [2, 8], w_quantized: [2, 4] },
      outputs: { y: [2, 4] },
      nodes: [
        buildNode('Constant', [], ['w'], [value]),
        buildNode('MatMul', ['x', 'w'], ['x_scale']),
        buildNode('Add', ['x_scale', 'w_quantized'], ['y']),
      ],
    });
    const { model } = quantizeDynamic(source, new Map());
    assert.equal(countTypes(model)['Constant'], undefined);
    const inputs = {
      x: floats([2, 8], randomValues([16])),
      w_quantized: floats([2, 4], randomValues([8])),
    };
    const [float = {}, quantized = {}] = await runModels([source, model], inputs);
    assert.ok(sqnrDb(float['y']!, quantized['y']!) > 28);
  });

  it('keeps convolutions and GRU float, one line for all of a kind', async () => {
    const source = buildModel({
      opset: 14,
      inputs: { x: [1, 4, 4, 4] },
      outputs: { y: [1, 8], z: [1, 1, 1, 6] },
      initialisers: [
        randomWeights('k1', [4, 4, 1, 1]),
        randomWeights('k2', [4, 4, 1, 1]),
        randomWeights('w', [64, 8]),
        randomWeights('gw', [1, 18, 8]),
        randomWeights('gr', [1, 18, 6]),
        createTensor('axes', 'int64', [1], BigInt64Array.of(0n)),
      ],
      nodes: [
        buildNode('Conv', ['x', 'k1'], ['c1']),
        buildNode('Conv', ['c1', 'k2'], ['c2']),
        buildNode('Flatten', ['c2'], ['f']),
        buildNode('MatMul', ['f', 'w'], ['y']),
        buildNode('Unsqueeze', ['y', 'axes'], ['u']),
        buildNode('GRU', ['u', 'gw', 'gr'], ['z'], [intAttribute('hidden_size', 6)]),
      ],
    });
    const { folded, types } = await prepare(source);
    const { notes, floatOperators } = quantizeDynamic(folded, types);
    assert.match(
      notes.join('\n'),
      /^Conv "c1" and 1 more stay float: .*\nGRU "z" stays float: .*kernel for it\.$/,
    );
    assert.deepEqual([floatOperators['Conv'], floatOperators['GRU']], [2, 1]);
  });

  it('refuses what has nothing to quantize, is quantized already, or holds weights that are not finite', () => {
    const model = (weights: Float32Array): ModelProto =>
      buildModel({
        opset: 13,
        inputs: { x: [1, 4] },
        outputs: { y: [1, 2] },
        initialisers: [createTensor('w', 'float32', [4, 2], weights)],
        nodes: [buildNode('MatMul', ['x', 'w'], ['y'])],
      });
    const convolution = buildModel({
      opset: 9,
      inputs: { x: [1, 4, 4, 4] },
      outputs: { y: [1, 4, 4, 4] },
      initialisers: [randomWeights('k', [4, 4, 1, 1])],
      nodes: [buildNode('Conv', ['x', 'k'], ['y'])],
    });
    assert.throws(() => quantizeDynamic(convolution, new Map()), {
      code: 'refused',
      message: /no MatMul, Gemm or LSTM with constant weights\. Conv "y" stays float/,
    });
    for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      assert.throws(() => quantizeDynamic(model(new Float32Array(8).fill(bad)), new Map()), {
        code: 'refused',
        message: /"w" holds (NaN|-Infinity) at element 0/,
      });
    }
    const once = quantizeDynamic(model(new Float32Array(8).fill(0.5)), new Map()).model;
    assert.throws(() => quantizeDynamic(once, new Map()), { code: 'refused', message: /quantized already/ });
  });
});
