import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDataPath } from '../../../../test/support/test-data.ts';
import { readItemDigests, readLabels } from '../read-split.ts';
import { openTestParts } from '../testing/open-test-parts.ts';

test("MNIST's test set has its 10,000 digits", async () => {
  await using parts = await openTestParts();
  const dataset = await parts.import(testDataPath('datasets/mnist-t10k'));
  assert.equal(dataset.count, 10_000);
  assert.deepEqual(dataset.item, { elementType: 'uint8', shape: [28, 28, 1] });
  assert.equal(dataset.channels, 'gray');
  assert.deepEqual(dataset.classes, { count: 10 });
  const split = dataset.splits.all!;
  const labels = (await readLabels(split, parts.blobs))!;
  // As published: the first ten digits, and how often each class occurs.
  assert.deepEqual([...labels.slice(0, 10)], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  const counts = Array.from({ length: 10 }, (_, digit) => labels.filter((label) => label === digit).length);
  assert.deepEqual(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  const digests = await readItemDigests(split, parts.blobs);
  assert.equal(digests[0], '8f6a418c9a639f9e14e96feca47a97df2a35a0a68ae2875431c5c80e05536941');
  assert.deepEqual(
    split.shards.map(({ count, firstIndex }) => [firstIndex, count]),
    [[0, 10_000]],
  );
});
