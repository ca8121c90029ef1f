import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureSampleLosses } from './support/sample-recovery.ts';

test('equalization and bias correction win back most of what one scale per tensor costs the sample network', async () => {
  const losses = await measureSampleLosses({
    recipes: ['int8-per-tensor', 'int8-equalized'],
    calibrationSeed: 101,
    calibrationCount: 100,
    count: 1500,
  });
  const lost = (recipe: string) => losses.find((loss) => loss.recipe === recipe)!;
  assert.ok(lost('int8-per-tensor').low > 3, `per tensor loses ${lost('int8-per-tensor').points} points`);
  assert.ok(lost('int8-equalized').points < 1, `equalized loses ${lost('int8-equalized').points} points`);
});
