import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { zipSync } from 'fflate';
import { datasetSchema } from './artefacts.ts';
import { findOverlap } from './find-overlap.ts';
import type { ImportProgress } from './import-progress.ts';
import { readItemDigests, readItems, readLabels } from './read-split.ts';
import type { RawItem } from './readers/item-reader.ts';
import { storeDataset } from './store-dataset.ts';
import { collect } from './testing/collect.ts';
import { encodeNpy } from './testing/encode-npy.ts';
import { openTestParts } from './testing/open-test-parts.ts';

/** Items of `itemBytes` that begin with their number. */
function numbered(count: number, itemBytes: number): Buffer {
  const data = Buffer.alloc(count * itemBytes);
  for (let i = 0; i < count; i++) data.writeUInt32LE(i, i * itemBytes);
  return encodeNpy('|u1', [count, 1, itemBytes], data);
}

const labelsOf = (count: number): Buffer =>
  encodeNpy(
    '|u1',
    [count],
    Uint8Array.from({ length: count }, (_, i) => i % 7),
  );

test('a split keeps items, labels and digests together and is the same each time', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.npz', zipSync({ 'x.npy': numbered(50, 8), 'y.npy': labelsOf(50) }));
  const dataset = await parts.import(path, { split: { calibration: 20, seed: 3 } });
  datasetSchema.parse(dataset);
  assert.equal(dataset.splitSeed, 3);
  assert.deepEqual(Object.keys(dataset.splits).sort(), ['calibration', 'evaluation']);
  const seen: number[] = [];
  for (const [split, count] of [
    [dataset.splits.calibration!, 20],
    [dataset.splits.evaluation!, 30],
  ] as const) {
    const numbers = (await collect(readItems(split.shards, parts.blobs))).map((item) => item.readUInt32LE(0));
    assert.equal(numbers.length, count);
    assert.deepEqual(
      [...(await readLabels(split, parts.blobs))!],
      numbers.map((number) => number % 7),
    );
    seen.push(...numbers);
  }
  assert.equal(new Set(seen).size, 50);
  const again = await parts.import(path, { split: { calibration: 20, seed: 3 }, name: 'again' });
  assert.equal(again.digest, dataset.digest);
  assert.equal(again.name, 'data');
});

test('ten thousand digits split into 500 and 9,500 without overlap', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('x.npy', numbered(10_000, 784));
  const { splits } = await parts.import(path, { split: { calibration: 500, seed: 1 } });
  const [calibration, evaluation] = [splits.calibration!, splits.evaluation!];
  assert.deepEqual([calibration.count, evaluation.count], [500, 9_500]);
  const overlap = findOverlap(
    await readItemDigests(calibration, parts.blobs),
    await readItemDigests(evaluation, parts.blobs),
  );
  assert.equal(overlap.count, 0);
});

test('identical items all go to the evaluation split, and the note says so', async () => {
  await using parts = await openTestParts();
  const data = Uint8Array.from({ length: 40 }, (_, i) => Math.floor(i / 4) % 8);
  const path = await parts.write('x.npy', encodeNpy('|u1', [10, 1, 4], data));
  const notes: string[] = [];
  const { splits } = await parts.import(path, {
    split: { calibration: 6, seed: 1 },
    onNote: (text) => notes.push(text),
  });
  const evaluation = (await collect(readItems(splits.evaluation!.shards, parts.blobs))).map(
    (item) => item[0],
  );
  assert.deepEqual(evaluation, [0, 1, 0, 1]);
  assert.deepEqual(notes, ['4 items have an identical twin; all of them are in the evaluation split.']);
});

test('shards hold whole items and at most 8 MiB', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('x.npy', numbered(5, 3 * 2 ** 20));
  const { shards } = (await parts.import(path)).splits.all!;
  assert.deepEqual(
    shards.map(({ firstIndex, count, sizeBytes }) => [firstIndex, count, sizeBytes / 2 ** 20]),
    [
      [0, 2, 6],
      [2, 2, 6],
      [4, 1, 3],
    ],
  );
});

test('an item that fits into no shard is refused with what to do', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('x.npy', numbered(1, 9 * 2 ** 20));
  await assert.rejects(parts.import(path), { code: 'refused', message: /at most 8388608 fit into a shard/ });
});

test('progress counts items and ends with all of them', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('x.npy', numbered(250, 8));
  const progress: ImportProgress[] = [];
  await parts.import(path, { onProgress: (step) => progress.push(step) });
  assert.deepEqual(
    progress.map(({ step, done }) => `${step} ${done}`),
    ['reading 100', 'reading 200', 'reading 250', 'storing 100', 'storing 200', 'storing 250'],
  );
  assert.ok(progress.every(({ total }) => total === 250));
});

test('a cancelled import records nothing and leaves no temporary files', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('x.npy', numbered(250, 8));
  const before = (await readdir(tmpdir())).filter((name) => name.startsWith(`qfleet-import-${process.pid}-`));
  const controller = new AbortController();
  const importing = parts.import(path, { onProgress: () => controller.abort(), signal: controller.signal });
  await assert.rejects(importing, { code: 'cancelled' });
  assert.deepEqual(await parts.store.listDatasets(), []);
  const after = (await readdir(tmpdir())).filter((name) => name.startsWith(`qfleet-import-${process.pid}-`));
  assert.deepEqual(after, before);
});

test('a name that stands for other data is refused', async () => {
  await using parts = await openTestParts();
  await parts.import(await parts.write('x.npy', numbered(3, 8)));
  const other = await parts.write('other/x.npy', numbered(4, 8));
  await assert.rejects(parts.import(other), {
    code: 'already-exists',
    message: /another dataset named "data"/,
  });
});

test('items made in memory become a dataset like those from disk', async () => {
  await using parts = await openTestParts();
  async function* items(): AsyncGenerator<RawItem> {
    for (const label of [0, 1]) {
      const pixels = { bytes: new Uint8Array(4).fill(label), shape: [2, 2, 1], channels: 'gray' } as const;
      yield { ...pixels, elementType: 'uint8', label, name: `item ${label}` };
    }
  }
  const { store, blobs } = parts;
  const opened = { source: 'made: squares', expectedCount: 2, items: items() };
  const dataset = await storeDataset(opened, {
    name: 'squares',
    store,
    blobs,
    split: { calibration: 1, seed: 1 },
  });
  assert.deepEqual([dataset.count, dataset.classes, dataset.source], [2, { count: 2 }, 'made: squares']);
});
