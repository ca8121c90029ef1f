import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineRecipe } from '../coordinator/src/quantize/recipes/recipe.ts';
import { measureSampleLosses } from './support/sample-recovery.ts';

/** As int8-per-tensor with its biases corrected. */
const correctedAlone = defineRecipe({
  id: 'corrected-alone',
  scheme: 'static',
  weights: { granularity: 'per-tensor' },
  correctBias: true,
});

test('equalization and bias correction win back most of what one scale per tensor costs the sample network', async () => {
  const losses = await measureSampleLosses({
    recipes: ['int8-per-tensor', correctedAlone, 'int8-equalized'],
    calibrationSeed: 101,
    calibrationCount: 100,
    count: 1500,
  });
  const lost = (recipe: string) => losses.find((loss) => loss.recipe === recipe)!;
  assert.ok(lost('int8-per-tensor').low > 3, `per tensor loses ${lost('int8-per-tensor').points} points`);
  const naive = lost('int8-per-tensor').points;
  assert.ok(lost('corrected-alone').points < naive / 2, `corrected loses ${lost('corrected-alone').points}`);
  assert.ok(lost('int8-equalized').points < 1, `equalized loses ${lost('int8-equalized').points} points`);
});
