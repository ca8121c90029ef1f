import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { GraphProto, ModelProto } from '../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../onnx/attribute.ts';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { type GraphIndex, indexGraph } from '../onnx/graph-index.ts';
import { opsetOf } from '../onnx/opset.ts';
import { readTensor } from '../onnx/tensor.ts';
import { OrtChild } from '../ort/ort-child.ts';
import { quantizeNet, randomItems, readGraph, readParsed, staticRecipe } from './fixtures/quantize-net.ts';
import { residualNet } from './fixtures/residual-net.ts';
import type { QuantizedVariant } from './quantize-model.ts';
import { recipes } from './recipes/find-recipe.ts';
import { randomWeights } from './rewrite/fixtures/random-tensor.ts';
import { floats } from './rewrite/fixtures/run-model.ts';

interface Expectation {
  /** Least output SQNR, dB. */
  readonly sqnrDb: number;
  /** Format, granularity, symmetry, placement. */
  readonly axes: readonly [string, string, string, string];
}

const perChannel = ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'qdq'] as const;
const perTensor = ['uint8/int8', 'per-tensor', 'asymmetric/symmetric', 'qdq'] as const;
const expectations: Readonly<Record<string, Expectation>> = {
  fp32: { sqnrDb: 100, axes: ['float32', 'none', 'none', 'none'] },
  fp16: { sqnrDb: 50, axes: ['float16', 'none', 'none', 'none'] },
  'int8-per-tensor': { sqnrDb: 25, axes: perTensor },
  'int8-min-max': { sqnrDb: 30, axes: perChannel },
  'int8-per-channel': { sqnrDb: 30, axes: perChannel },
  'int8-equalized': { sqnrDb: 25, axes: perTensor },
  'int8-u8s8-pc-rr': { sqnrDb: 25, axes: perChannel },
  'int8-u8u8': { sqnrDb: 30, axes: ['uint8/uint8', 'per-channel', 'asymmetric/symmetric', 'qdq'] },
  'int8-s8s8-sym': { sqnrDb: 25, axes: ['int8/int8', 'per-channel', 'symmetric/symmetric', 'qdq'] },
  'int8-a16w8': { sqnrDb: 35, axes: ['uint16/int8', 'per-channel', 'asymmetric/symmetric', 'qdq'] },
  'int8-mixed': { sqnrDb: 30, axes: perChannel },
  'int8-dyn': { sqnrDb: 30, axes: ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'dynamic'] },
  // A block of 32 is a whole column of these small matrices.
  'int4-wo': { sqnrDb: 15, axes: ['float32/uint4', 'per-channel', 'none/asymmetric', 'weight-only'] },
};

const items = randomItems([3, 8, 8], 24, 2);

describe('the residual network in every format', () => {
  let folder = '';
  const variants = new Map<string, QuantizedVariant>();
  const models = new Map<string, ModelProto>();
  const graphOf = (recipe: string): GraphProto => models.get(recipe)!.graph!;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
    const made = await quantizeNet(folder, residualNet(), ['all'], { items });
    assert.deepEqual(made.refused, []);
    for (const variant of made.variants) {
      variants.set(variant.recipe, variant);
      models.set(variant.recipe, await readParsed(variant.path));
    }
  });
  after(async () => rm(folder, { recursive: true }));

  it('has an expectation for every named recipe', () => {
    assert.deepEqual(
      Object.keys(expectations),
      recipes.map(({ id }) => id),
    );
  });

  for (const [recipe, { sqnrDb, axes }] of Object.entries(expectations)) {
    it(`${recipe} loads, runs, is within ${sqnrDb} dB and described as ${axes.join(', ')}`, async () => {
      const { record, path } = variants.get(recipe)!;
      const { format, granularity, symmetry, placement } = record;
      assert.deepEqual([format, granularity, symmetry, placement], axes);
      assert.ok(record.outputSqnrDb === undefined || record.outputSqnrDb > sqnrDb, `${record.outputSqnrDb}`);
      await using child = new OrtChild();
      await child.open({ path, optimisation: 'all' });
      const { probabilities } = await child.run({ image: floats([1, 3, 8, 8], items.items[0]!) });
      const sum = [...(probabilities!.data as Float32Array)].reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(sum - 1) < 1e-2, `${sum}`);
    });
  }

  it('has 7-bit weights within ±64, and 8-bit ones beyond', () => {
    const largest = (recipe: string): number =>
      Math.max(...weightCodes(graphOf(recipe)).flatMap(({ codes }) => codes.map(Math.abs)));
    assert.equal(largest('int8-u8s8-pc-rr'), 64);
    assert.equal(largest('int8-per-channel'), 127);
  });

  it('has the int8 weights again as uint8, 128 higher, code by code and with the same scales', () => {
    const signed = weightCodes(graphOf('int8-per-channel'));
    const unsigned = weightCodes(graphOf('int8-u8u8'));
    assert.equal(signed.length, 4);
    const raised = signed.map(({ name, scales, codes }) => ({
      name,
      scales,
      codes: codes.map((code) => code + 128),
    }));
    assert.deepEqual(unsigned, raised);
  });

  it('has zero points of 0, float biases and every Clip where it is symmetric', () => {
    const graph = graphOf('int8-s8s8-sym');
    const { initialisers, producers } = indexGraph(graph);
    for (const node of graph.node.filter(isStep)) {
      const { data } = readTensor(initialisers.get(node.input[2]!)!);
      assert.ok(
        [...data].every((zeroPoint) => Number(zeroPoint) === 0),
        node.name,
      );
    }
    const types = graph.initializer.map((tensor) => readTensor(tensor).elementType);
    assert.ok(!types.includes('int32'));
    for (const node of graph.node.filter(({ opType }) => opType === 'Conv' || opType === 'Gemm'))
      if (node.input[2])
        assert.equal(producers.get(node.input[2]), undefined, `${node.name} has a float bias`);
    const count = (type: string): number => graph.node.filter(({ opType }) => opType === type).length;
    assert.deepEqual([count('Clip'), count('Relu')], [1, 1]);
  });

  it('has int32 biases of the accumulator’s scale, and no Clip, where the kernels are integer', () => {
    const graph = graphOf('int8-per-channel');
    const { initialisers, producers } = indexGraph(graph);
    const convs = graph.node.filter(({ opType }) => opType === 'Conv');
    assert.equal(convs.length, 2);
    for (const conv of convs) {
      const [input, weight, bias] = conv.input.map((name) => {
        const step = producers.get(name)!;
        return { codes: initialisers.get(step.input[0]!), scale: valuesOf(initialisers, step.input[1]!) };
      });
      assert.equal(readTensor(bias!.codes!).elementType, 'int32');
      assert.deepEqual(
        bias!.scale,
        weight!.scale.map((scale) => Math.fround(scale * input!.scale[0]!)),
      );
    }
    assert.ok(!graph.node.some(({ opType }) => opType === 'Clip' || opType === 'Relu'));
  });

  it('has 16-bit steps in the domain of ONNX Runtime’s own operators, since ONNX has them from opset 21 on', () => {
    const model = models.get('int8-a16w8')!;
    assert.ok(opsetOf(model) < 21);
    const { initialisers } = indexGraph(model.graph!);
    const domains = new Map<string, Set<string>>();
    for (const node of model.graph!.node.filter(isStep)) {
      const { elementType } = readTensor(initialisers.get(node.input[2]!)!);
      domains.set(elementType, (domains.get(elementType) ?? new Set()).add(node.domain));
    }
    assert.deepEqual([...domains.get('uint16')!], ['com.microsoft']);
    assert.deepEqual([...domains.get('int8')!], ['']);
    assert.ok(model.opsetImport.some(({ domain }) => domain === 'com.microsoft'));
  });

  it('keeps the opset of the model where the format needs no later one', () => {
    assert.ok(opsetOf(models.get('int8-per-tensor')!) <= 12);
    assert.equal(opsetOf(models.get('fp32')!), 11);
  });

  it('gives the same bytes at a second time', async () => {
    const again = await quantizeNet(folder, residualNet(), ['all'], { items });
    for (const { recipe, digest } of again.variants)
      assert.equal(digest, variants.get(recipe)!.digest, recipe);
  });
});

describe('the range of a Concat', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));

  const conv = (input: string, output: string): ReturnType<typeof buildNode> =>
    buildNode('Conv', [input, `${output}_w`], [output]);
  const items = randomItems([2, 4, 4], 8);

  async function quantizeBranches(
    middle: ReturnType<typeof buildNode>[],
    convs: string[],
    last: string,
    channels: number,
  ): Promise<QuantizedVariant> {
    const model = buildModel({
      opset: 13,
      inputs: { image: [1, 2, 4, 4] },
      outputs: { y: [1, 2, 4, 4] },
      initialisers: [
        ...convs.map((name) => randomWeights(`${name}_w`, [2, 2, 1, 1], 1)),
        randomWeights('y_w', [2, channels, 1, 1], 1),
      ],
      nodes: [...convs.map((name) => conv('image', name)), ...middle, conv(last, 'y')],
    });
    const { variants, refused } = await quantizeNet(folder, model, ['int8-min-max'], { items });
    assert.deepEqual(refused, []);
    return variants[0]!;
  }

  /** Smallest number that an activation's codes stand for. */
  async function lowestOf(path: string, tensor: string): Promise<number> {
    const { initialisers } = indexGraph(await readGraph(path));
    const [scale] = valuesOf(initialisers, `${tensor}_scale`);
    const [zeroPoint] = valuesOf(initialisers, `${tensor}_zero_point`);
    return scale! * (0 - zeroPoint!);
  }

  const concat = (inputs: string[], output: string): ReturnType<typeof buildNode> =>
    buildNode('Concat', inputs, [output], [intAttribute('axis', 1)]);

  it('is not taken by a Relu branch beside one that goes negative, for its range does the Relu’s work', async () => {
    const middle = [buildNode('Relu', ['c1'], ['r1']), concat(['r1', 'c2'], 'joined')];
    const { path, record } = await quantizeBranches(middle, ['c1', 'c2'], 'joined', 4);
    assert.equal(await lowestOf(path, 'r1'), 0);
    assert.ok((await lowestOf(path, 'c2')) < 0);
    assert.ok(record.outputSqnrDb! > 30, `${record.outputSqnrDb}`);
  });

  it('is shared by branches that all end in Relu', async () => {
    const middle = [
      buildNode('Relu', ['c1'], ['r1']),
      buildNode('Relu', ['c2'], ['r2']),
      concat(['r1', 'r2'], 'joined'),
    ];
    const { path } = await quantizeBranches(middle, ['c1', 'c2'], 'joined', 4);
    const { initialisers } = indexGraph(await readGraph(path));
    const scales = ['r1', 'r2', 'joined'].map((tensor) => valuesOf(initialisers, `${tensor}_scale`)[0]);
    assert.equal(new Set(scales).size, 1);
    assert.equal(await lowestOf(path, 'r1'), 0);
  });

  it('is not taken by Relu branches through a Concat of their own either', async () => {
    const middle = [
      buildNode('Relu', ['c1'], ['r1']),
      buildNode('Relu', ['c2'], ['r2']),
      concat(['r1', 'r2'], 'inner'),
      concat(['inner', 'c3'], 'joined'),
    ];
    const { path, record } = await quantizeBranches(middle, ['c1', 'c2', 'c3'], 'joined', 6);
    assert.equal(await lowestOf(path, 'r1'), 0);
    assert.equal(await lowestOf(path, 'r2'), 0);
    assert.ok(record.outputSqnrDb! > 30, `${record.outputSqnrDb}`);
  });
});

describe('the names of recipes', () => {
  it('may be any that a file can have: none gets in the way of what is written on the side', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
    try {
      const names = ['tapped', 'tapped-source', 'source', 'folded', 'reference', 'float', 'model'];
      const orders = ['int8-min-max', ...names.map((name) => staticRecipe(name))];
      const { variants, refused } = await quantizeNet(folder, residualNet(), orders, { items });
      assert.deepEqual(refused, []);
      const plain = await readGraph(variants[0]!.path);
      for (const { recipe, path } of variants.slice(1))
        assert.deepEqual(await readGraph(path), plain, recipe);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

function isStep({ opType }: { readonly opType: string }): boolean {
  return opType === 'QuantizeLinear' || opType === 'DequantizeLinear';
}

function valuesOf(initialisers: GraphIndex['initialisers'], name: string): number[] {
  return Array.from(readTensor(initialisers.get(name)!).data, Number);
}

/** The 8-bit constants that Conv, Gemm and MatMul multiply with, in graph order. */
function weightCodes(
  graph: GraphProto,
): { readonly name: string; readonly scales: number[]; readonly codes: number[] }[] {
  const { initialisers, producers } = indexGraph(graph);
  return graph.node
    .filter(({ opType }) => ['Conv', 'Gemm', 'MatMul'].includes(opType))
    .map((node) => {
      const [codes = '', scales = ''] = producers.get(node.input[1]!)!.input;
      return {
        name: codes,
        scales: valuesOf(initialisers, scales),
        codes: valuesOf(initialisers, codes),
      };
    });
}
