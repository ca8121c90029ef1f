import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { findOverlap } from './find-overlap.ts';
import { readItemDigests } from './read-split.ts';
import { openTestParts } from './testing/open-test-parts.ts';

test('MNIST splits into 500 and 9,500 without overlap', async () => {
  await using parts = await openTestParts();
  const path = testDataPath('datasets/mnist-t10k');
  const { splits } = await parts.import(path, { split: { calibration: 500, seed: 1 } });
  const [calibration, evaluation] = [splits.calibration!, splits.evaluation!];
  assert.deepEqual([calibration.count, evaluation.count], [500, 9_500]);
  const overlap = findOverlap(
    await readItemDigests(calibration, parts.blobs),
    await readItemDigests(evaluation, parts.blobs),
  );
  assert.equal(overlap.count, 0);
});
