import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { parseDigest } from '@qfleet/shared/digest.ts';
import type { Dataset } from '../artefacts/artefacts.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { openStore } from '../store/open-store.ts';
import { exampleDataset, exampleRun, exampleSpec } from '../store/store-fixtures.ts';
import { collectUnusedBlobs } from './collect-unused-blobs.ts';

const folder = mkdtempSync(join(tmpdir(), 'qfleet-gc-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a dry run foretells exactly what goes, and what a run or an unfinished task needs stays', async () => {
  await using store = await openStore(folder);
  const blobs = await openFileBlobStore(join(folder, 'blobs'));
  const task = await store.addTask({ id: 'task-1', kind: 'import-dataset', params: {} });
  const shard = await blobs.put(Buffer.from('a shard of a dataset that is not stored yet'));
  const variant = await blobs.put(Buffer.from('a variant that a job of a run refers to'));
  await store.addDevice({ id: 'd1', name: 'd1', publicKey: 'd1' });
  await store.createRun(exampleRun('r', ['d1'], 1, exampleSpec(variant)));
  const order = { store, blobs, dataDir: folder, nowMs: Date.now() + 5 * 3_600_000 };

  const during = await collectUnusedBlobs({ ...order, dryRun: false });
  assert.deepEqual([during.removedCount, during.sparedCount, during.keptCount], [0, 1, 1]);

  await store.updateTask(task.id, { state: 'failed' });
  const foretold = await collectUnusedBlobs({ ...order, dryRun: true });
  assert.equal(foretold.removedCount, 0);
  assert.deepEqual(foretold.unused, [{ digest: shard, sizeBytes: 43 }]);
  assert.equal(await blobs.stat(shard), 43, 'a dry run removes nothing');
  const done = await collectUnusedBlobs({ ...order, dryRun: false });
  assert.deepEqual([done.unused, done.removedBytes], [foretold.unused, foretold.unusedBytes]);
  assert.equal(await blobs.stat(shard), undefined);
  assert.notEqual(await blobs.stat(variant), undefined);
});

test('a derived dataset that no run needs goes at once, with statistics and summaries of what is gone', async () => {
  const dataDir = join(folder, 'derived');
  await using store = await openStore(dataDir);
  const blobs = await openFileBlobStore(join(dataDir, 'blobs'));
  const keep = async (name: string): Promise<Dataset> => {
    const shard = {
      digest: await blobs.put(Buffer.from(name)),
      sizeBytes: name.length,
      firstIndex: 0,
      count: 1,
    };
    const split = {
      count: 1,
      shards: [shard],
      itemDigestsBlob: await blobs.put(Buffer.from(`items ${name}`)),
    };
    return { ...exampleDataset(name), splits: { all: split } };
  };
  const source = await store.addDataset(await keep('source'));
  const from = { digest: source.digest, how: 'smaller' };
  const needed = await store.addDataset({ ...(await keep('needed')), derivedFrom: from });
  const cancelled = await store.addDataset({ ...(await keep('cancelled')), derivedFrom: from });
  await store.addDevice({ id: 'd1', name: 'd1', publicKey: 'd1' });
  for (const dataset of [needed, cancelled]) {
    const [shard] = dataset.splits.all?.shards ?? [];
    const run = exampleRun(dataset.name, ['d1'], 1, exampleSpec(shard?.digest));
    await store.createRun({ ...run, record: { ...run.record, datasetDigest: dataset.digest } });
  }
  await store.cancelRun('cancelled', 'enough');
  for (const name of [
    `calibration/${needed.digest.slice(0, 16)}a.json`,
    'calibration/0123456789abcdefb.json',
  ])
    writeAt(join(dataDir, name));
  writeAt(join(dataDir, 'summaries/v1/0123456789abcdefc.json'));
  const order = { store, blobs, dataDir, nowMs: Date.now() + 1000 };

  const foretold = await collectUnusedBlobs({ ...order, dryRun: true });
  assert.deepEqual(
    foretold.derivedDatasets.map(({ name }) => name),
    ['cancelled'],
  );
  assert.notEqual(await store.findDataset('cancelled'), undefined, 'a dry run removes nothing');
  const done = await collectUnusedBlobs({ ...order, dryRun: false });
  assert.deepEqual(
    [done.unused, done.derivedDatasets, done.files],
    [foretold.unused, foretold.derivedDatasets, foretold.files],
  );
  assert.deepEqual(
    done.files.map(({ path }) => path),
    ['calibration/0123456789abcdefb.json', 'summaries/v1/0123456789abcdefc.json'],
  );
  assert.deepEqual(
    [done.removedCount, done.freedBytes],
    [2, 'cancelled'.length + 'items cancelled'.length + 2],
  );
  assert.equal(await store.findDataset('cancelled'), undefined);
  for (const digest of [source, needed]
    .flatMap(({ splits }) => splits.all?.shards ?? [])
    .map((one) => one.digest))
    assert.notEqual(await blobs.stat(parseDigest(digest)), undefined);
});

function writeAt(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '1');
}
