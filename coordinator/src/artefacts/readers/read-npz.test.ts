import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zipSync } from 'fflate';
import { readItems, readLabels } from '../read-split.ts';
import { collect } from '../testing/collect.ts';
import { encodeNpy } from '../testing/encode-npy.ts';
import { openTestParts } from '../testing/open-test-parts.ts';

const images = encodeNpy(
  '|u1',
  [3, 2, 2, 1],
  Uint8Array.from({ length: 12 }, (_, i) => i),
);
const labels = encodeNpy('<i4', [3], Int32Array.of(1, 0, 1));

for (const level of [0, 6] as const) {
  test(`an .npz at compression level ${level} is read, labels included`, async () => {
    await using parts = await openTestParts();
    const path = await parts.write('set.npz', zipSync({ 'y.npy': labels, 'x.npy': images }, { level }));
    const dataset = await parts.import(path);
    assert.deepEqual(dataset.item, { elementType: 'uint8', shape: [2, 2, 1] });
    assert.equal(dataset.source, 'npz: set.npz (x.npy, y.npy)');
    assert.deepEqual([...(await readLabels(dataset.splits.all!, parts.blobs))!], [1, 0, 1]);
    const items = await collect(readItems(dataset.splits.all!.shards, parts.blobs));
    assert.deepEqual(
      items.map((item) => item[0]),
      [0, 4, 8],
    );
  });
}

test('the only array of an .npz holds the items, whatever its name', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.npz', zipSync({ 'arr_0.npy': images }));
  const dataset = await parts.import(path);
  assert.equal(dataset.count, 3);
  assert.equal(dataset.classes, undefined);
});

test('an .npz with several arrays and none of a known name is refused with the names', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.npz', zipSync({ 'a.npy': images, 'b.npy': labels }));
  await assert.rejects(parts.import(path), {
    code: 'refused',
    message: /arrays a.npy, b.npy; expected one of x/,
  });
});

test('a flipped bit in an uncompressed .npz is noticed', async () => {
  await using parts = await openTestParts();
  const archive = zipSync({ 'x.npy': images }, { level: 0 });
  archive[30 + 'x.npy'.length + images.length - 1]! ^= 1;
  await assert.rejects(parts.import(await parts.write('set.npz', archive)), {
    code: 'refused',
    message: /x.npy has the wrong CRC-32/,
  });
});

test('an .npz cut off anywhere is refused', async () => {
  await using parts = await openTestParts();
  const archive = zipSync({ 'x.npy': images, 'y.npy': labels });
  for (const sizeBytes of [50, archive.length - 30, archive.length - 1]) {
    const path = await parts.write('set.npz', archive.subarray(0, sizeBytes));
    await assert.rejects(parts.import(path), { code: 'refused', message: /damaged/ });
  }
});

test('an entry that unpacks to more than it announces is refused', async () => {
  await using parts = await openTestParts();
  const archive = Buffer.from(zipSync({ 'x.npy': encodeNpy('|u1', [1, 1000], new Uint8Array(1000)) }));
  const directory = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]));
  archive.writeUInt32LE(500, directory + 24);
  await assert.rejects(parts.import(await parts.write('set.npz', archive)), {
    code: 'refused',
    message: /unpacks to more than it announces/,
  });
});

test('a dataset larger than the limits is refused before it is read', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.npz', zipSync({ 'x.npy': images }));
  const limits = { maxItems: 10, maxItemBytes: 100, maxTotalBytes: 11, maxPixels: 100 };
  await assert.rejects(parts.import(path, { limits }), {
    code: 'refused',
    message: /at most 10 items of 100 bytes, 11 bytes in all/,
  });
});
