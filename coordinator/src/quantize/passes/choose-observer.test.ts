import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { createTensor } from '../../onnx/tensor.ts';
import { type FloatItems, quantizeNet, randomItems, staticRecipe } from '../fixtures/quantize-net.ts';
import type { QuantizedVariant } from '../quantize-model.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { randomValues, randomWeights } from '../rewrite/fixtures/random-tensor.ts';

/** Two convolutions, of which the first takes no notice of the first channel. */
function net(): ModelProto {
  const values = randomValues([6, 3, 1, 1]).map((value, i) => (i % 3 === 0 ? 0 : value));
  return buildModel({
    opset: 13,
    inputs: { image: [1, 3, 8, 8] },
    outputs: { y: [1, 4, 8, 8] },
    initialisers: [createTensor('w1', 'float32', [6, 3, 1, 1], values), randomWeights('w2', [4, 6, 1, 1])],
    nodes: [
      buildNode('Conv', ['image', 'w1'], ['c1']),
      buildNode('Relu', ['c1'], ['r1']),
      buildNode('Conv', ['r1', 'w2'], ['y']),
    ],
  });
}

const plain = randomItems([3, 8, 8], 24);

/** One value in all, far off, in the channel that nothing depends on. */
function withOutlier(): FloatItems {
  const items = plain.items.map((item) => item.slice());
  items[5]![10] = 300;
  return { ...plain, items };
}

const search = staticRecipe('search', { observer: { method: 'search' } });
const methods: readonly Recipe[] = [
  staticRecipe('min-max', { observer: { method: 'min-max' } }),
  staticRecipe('entropy', { observer: { method: 'entropy' } }),
  staticRecipe('mse', { observer: { method: 'mse' } }),
  staticRecipe('percentile', { observer: { method: 'percentile', percentile: 99.999 } }),
];

describe('searching for an observer', () => {
  let folder = '';
  const variants = new Map<string, QuantizedVariant>();
  const sqnrOf = (recipe: string): number => variants.get(recipe)!.record.outputSqnrDb!;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
    const made = await quantizeNet(folder, net(), [search, ...methods], { items: withOutlier() });
    assert.deepEqual(made.refused, []);
    for (const variant of made.variants) variants.set(variant.recipe, variant);
  });
  after(async () => rm(folder, { recursive: true }));

  it('does not end with min-max where an outlier would cost everybody’s resolution', () => {
    const { calibration, notes } = variants.get('search')!.record;
    assert.doesNotMatch(calibration!.method, /^(min-max|search)/);
    assert.ok(sqnrOf('search') > sqnrOf('min-max') + 6, `${sqnrOf('search')}, ${sqnrOf('min-max')}`);
    const note = notes.find((each) => each.startsWith('Observer '));
    assert.match(
      note ?? '',
      new RegExp(`^Observer ${calibration!.method}.*min-max .* of 24 held-out calibration inputs`),
    );
  });

  it('is as good as every observer alone, but for what the sample does not show', () => {
    for (const { id } of methods) assert.ok(sqnrOf('search') >= sqnrOf(id) - 1, id);
  });

  it('gives what the observer that it found gives', () => {
    const { calibration } = variants.get('search')!.record;
    const same = variants.get(calibration!.method);
    if (same) assert.equal(sqnrOf('search'), sqnrOf(calibration!.method));
    assert.notEqual(calibration!.rangesBlob, variants.get('min-max')!.record.calibration!.rangesBlob);
  });

  it('judges ranges on inputs that they were not chosen by', async () => {
    // Every second input is four times as large: ranges of the others alone clip it.
    const items = plain.items.map((item, i) => (i % 2 === 0 ? item : item.map((value) => 4 * value)));
    const made = await quantizeNet(folder, net(), [search], { items: { ...plain, items } });
    const note = made.variants[0]!.record.notes.find((each) => each.startsWith('Observer '))!;
    const [, pooled = '', worst = ''] = /min-max ([\d.-]+) \(([\d.-]+)\)/.exec(note) ?? [];
    assert.ok(Number(pooled) < 15, `clipped where it was not chosen: ${note}`);
    assert.ok(Number(worst) <= Number(pooled), note);
    assert.ok(made.variants[0]!.record.outputSqnrDb! > 30, 'the final ranges are those of all inputs');
  });

  it('does not search on too few inputs, and says so', async () => {
    const made = await quantizeNet(folder, net(), [search], {
      items: { ...plain, items: plain.items.slice(0, 5) },
    });
    const { calibration, notes } = made.variants[0]!.record;
    assert.equal(calibration!.method, 'min-max');
    assert.ok(notes.some((note) => /5 calibration inputs are too few to compare observers/.test(note)));
  });
});
