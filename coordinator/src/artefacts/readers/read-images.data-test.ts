import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDataPath } from '../../../../test/support/test-data.ts';
import { readLabels } from '../read-split.ts';
import { openTestParts } from '../testing/open-test-parts.ts';

test("CIFAR-10's test set is read from its archive", async () => {
  await using parts = await openTestParts();
  const dataset = await parts.import(testDataPath('datasets/cifar10-test-jpg.tar'));
  assert.equal(dataset.count, 10_000);
  assert.deepEqual(dataset.item, { elementType: 'uint8', shape: [32, 32, 3] });
  assert.equal(dataset.channels, 'RGB');
  const names = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
  assert.deepEqual(dataset.classes, { count: 10, names });
  const labels = (await readLabels(dataset.splits.all!, parts.blobs))!;
  for (const number of names.keys()) assert.equal(labels.filter((label) => label === number).length, 1000);
  assert.ok(dataset.splits.all!.shards.every((shard) => shard.sizeBytes <= 8 * 2 ** 20));
});
