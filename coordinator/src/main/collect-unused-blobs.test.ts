import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { openStore } from '../store/open-store.ts';
import { exampleRun, exampleSpec } from '../store/store-fixtures.ts';
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
  const order = { store, blobs, nowMs: Date.now() + 5 * 3_600_000 };

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
