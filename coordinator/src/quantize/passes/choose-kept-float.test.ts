import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { indexGraph } from '../../onnx/graph-index.ts';
import { OrtChild } from '../../ort/ort-child.ts';
import { hopelessLayerNet } from '../fixtures/hopeless-layer-net.ts';
import { quantizeNet, randomItems, readGraph, readParsed, staticRecipe } from '../fixtures/quantize-net.ts';
import { residualNet } from '../fixtures/residual-net.ts';
import type { Quantization, QuantizedVariant } from '../quantize-model.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { randomWeights } from '../rewrite/fixtures/random-tensor.ts';
import { countOptimised, floats } from '../rewrite/fixtures/run-model.ts';

const items = randomItems([8], 200);
const mixed = (id: string, maxFlipsPoints: number, maxSizeRatio = 0.5): Recipe =>
  staticRecipe(id, { weights: { granularity: 'per-tensor' }, goal: { maxFlipsPoints, maxSizeRatio } });

describe('keeping the most sensitive operators float', () => {
  let folder = '';
  let made: Quantization;
  const variant = (recipe: string): QuantizedVariant =>
    made.variants.find((found) => found.recipe === recipe)!;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
    const orders = [
      'fp32',
      'int8-per-tensor',
      mixed('strict', 10),
      mixed('strictest', 0, 1),
      mixed('lax', 100),
    ];
    made = await quantizeNet(folder, hopelessLayerNet(), orders, { items });
    assert.deepEqual(made.refused, []);
  });
  after(async () => rm(folder, { recursive: true }));

  async function answersOf(path: string): Promise<number[]> {
    await using child = new OrtChild();
    await child.open({ path, optimisation: 'all' });
    const answers: number[] = [];
    for (const item of items.items) {
      const { scores } = await child.run({ x: floats([1, 8], item) });
      const values = [...(scores!.data as Float32Array)];
      answers.push(values.indexOf(Math.max(...values)));
    }
    return answers;
  }

  /** Share of items that another class is found for than by the float model, percentage points. */
  async function flipsOf(recipe: string): Promise<number> {
    const [float, answers] = [await answersOf(variant('fp32').path), await answersOf(variant(recipe).path)];
    return (100 * answers.filter((answer, i) => answer !== float[i]).length) / answers.length;
  }

  /** Names of Gemm nodes with float weights. */
  async function floatNodes(recipe: string): Promise<string[]> {
    const graph = await readGraph(variant(recipe).path);
    const { initialisers } = indexGraph(graph);
    return graph.node
      .filter(({ opType, input }) => opType === 'Gemm' && initialisers.has(input[1]!))
      .map(({ name }) => name);
  }

  it('finds the one layer that int8 ruins and keeps nothing else float', async () => {
    assert.ok((await flipsOf('int8-per-tensor')) > 30, 'int8 does ruin it');
    assert.deepEqual(await floatNodes('strict'), ['g2']);
    const { record } = variant('strict');
    assert.deepEqual([record.quantizedOperators['Gemm'], record.floatOperators['Gemm']], [2, 1]);
    const note = record.notes.find((each) => each.includes('kept float'));
    assert.match(note ?? '', /^1 of 3 operators kept float, .*: g2\.$/);
  });

  it('meets its goal, and says by how much', async () => {
    for (const [recipe, most] of Object.entries({ strict: 10, strictest: 0 })) {
      const flips = await flipsOf(recipe);
      assert.ok(flips <= most, `${flips} points of answers change with ${recipe}`);
      const note = variant(recipe).record.notes.find((each) => each.includes('kept float'))!;
      assert.ok(note.includes(`operators kept float, ${flips.toFixed(2)} points [`), note);
    }
  });

  it('stays within its size, and says that the goal is missed', async () => {
    const small = staticRecipe('small', {
      weights: { granularity: 'per-tensor' },
      goal: { maxFlipsPoints: 1, maxSizeRatio: 0.3 },
    });
    const { variants } = await quantizeNet(folder, hopelessLayerNet(), [small], { items });
    const { warnings = [], floatOperators } = variants[0]!.record;
    assert.equal(floatOperators['Gemm'], undefined);
    assert.ok(warnings.some((note) => /The goal of 1 points is not met: .* larger than 30 %/.test(note)));
  });

  it('does not take a few changed answers for a goal missed, and says what so few inputs cannot prove', async () => {
    const made = await quantizeNet(folder, residualNet(), ['int8-mixed'], {
      items: randomItems([3, 8, 8], 60),
    });
    const { notes } = made.variants[0]!.record;
    assert.ok(
      notes.some((note) => /^Nothing had to stay float: .* points \[/.test(note)),
      notes.join('\n'),
    );
    assert.ok(
      notes.some((note) =>
        /60 inputs cannot prove a goal of 0.5 points: .* 4.87 points .* takes 598 inputs/.test(note),
      ),
      notes.join('\n'),
    );
  });

  it('keeps nothing float where the goal is met without', async () => {
    assert.deepEqual(await floatNodes('lax'), []);
    const { notes } = variant('lax').record;
    assert.ok(notes.some((note) => /^Nothing had to stay float: .* of 200 answers/.test(note)));
    assert.deepEqual(await readGraph(variant('lax').path), await readGraph(variant('int8-per-tensor').path));
  });

  for (const bias of [[], ['b']]) {
    it(`stays float in the kernels too, between integer neighbours and ${bias.length ? 'with' : 'without'} a bias`, async () => {
      const model = buildModel({
        opset: 13,
        inputs: { image: [1, 3, 4, 4] },
        outputs: { y: [1, 6] },
        initialisers: [
          randomWeights('w1', [6, 3, 1, 1]),
          ...['w2', 'w3'].map((name) => randomWeights(name, [6, 6, 1, 1])),
          ...['w4', 'w5', 'w6'].map((name) => randomWeights(name, [6, 6])),
          randomWeights('b', [6]),
        ],
        nodes: [
          buildNode('Conv', ['image', 'w1'], ['c1']),
          buildNode('Conv', ['c1', 'w2', ...bias], ['c2']),
          buildNode('Conv', ['c2', 'w3'], ['c3']),
          buildNode('GlobalAveragePool', ['c3'], ['pooled']),
          buildNode('Flatten', ['pooled'], ['flat']),
          buildNode('Gemm', ['flat', 'w4'], ['g1']),
          buildNode('Gemm', ['g1', 'w5', ...bias], ['g2']),
          buildNode('Gemm', ['g2', 'w6'], ['y']),
        ],
      });
      const recipe = staticRecipe('kept', { keepFloat: { nodes: ['c2', 'g2'] } });
      const { variants } = await quantizeNet(folder, model, [recipe], { items: randomItems([3, 4, 4], 8) });
      const counts = await countOptimised(await readParsed(variants[0]!.path));
      const count = (...types: string[]): number => types.reduce((sum, type) => sum + (counts[type] ?? 0), 0);
      assert.deepEqual([count('Conv', 'FusedConv'), count('QLinearConv')], [1, 2]);
      assert.deepEqual([count('Gemm', 'FusedGemm'), count('QGemm')], [1, 2]);
      // And computes what it computed: nothing is lost in its weights or bias.
      const { activations } = variants[0]!.record.layerCheck!;
      for (const { tensor, kernelSqnrDb = 200 } of activations)
        assert.ok(kernelSqnrDb > 40, `${tensor}: ${kernelSqnrDb} dB`);
    });
  }

  it('refuses what gives no class scores, the other recipes go on', async () => {
    const detector = buildModel({
      opset: 13,
      inputs: { image: [1, 3, 4, 4] },
      outputs: { boxes: [1, 5, 4, 4] },
      initialisers: [randomWeights('w', [5, 3, 1, 1])],
      nodes: [buildNode('Conv', ['image', 'w'], ['boxes'])],
    });
    const { variants, refused } = await quantizeNet(folder, detector, ['int8-min-max', mixed('mixed', 1)], {
      items: randomItems([3, 4, 4], 4),
    });
    assert.deepEqual(
      variants.map(({ recipe }) => recipe),
      ['int8-min-max'],
    );
    assert.equal(refused[0]!.recipe, 'mixed');
    assert.equal(refused[0]!.error.code, 'refused');
    assert.match(refused[0]!.error.message, /class scores, output "boxes" is \[1, 5, 4, 4\]/);
  });
});
