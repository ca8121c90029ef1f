import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { inputContractSchema } from '@qfleet/shared/inputs/input-contract.ts';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { convertImage } from './images/convert-image.ts';
import { type PrepareRequest, prepareDataset } from './prepare-dataset.ts';
import { readItems } from './read-split.ts';
import { collect } from './testing/collect.ts';
import { drawPattern } from './testing/draw-pattern.ts';
import { encodeNpy } from './testing/encode-npy.ts';
import { openTestParts, type TestParts } from './testing/open-test-parts.ts';

const gray28 = inputContractSchema.parse({ layout: 'NCHW', channels: 'gray', height: 2, width: 2 });

/** Ten gray 2×2 images of the value of their number, with labels, 4 for calibration. */
async function addImages(parts: TestParts): Promise<PrepareRequest> {
  const data = Uint8Array.from({ length: 40 }, (_, i) => Math.floor(i / 4));
  const archive = zipSync({
    'x.npy': encodeNpy('|u1', [10, 2, 2], data),
    'y.npy': encodeNpy(
      '|u1',
      [10],
      Uint8Array.from({ length: 10 }, (_, i) => i),
    ),
  });
  const path = await parts.write('set.npz', archive);
  const dataset = await parts.import(path, { split: { calibration: 4, seed: 1 } });
  const { store, blobs } = parts;
  return { dataset, split: 'evaluation', contract: gray28, limit: 0, store, blobs, nowMs: () => 0 };
}

test('items that fit are used as they are stored', async () => {
  await using parts = await openTestParts();
  const request = await addImages(parts);
  const prepared = await prepareDataset(request);
  assert.equal(prepared.digest, request.dataset.digest);
  assert.deepEqual(prepared.shards, request.dataset.splits.evaluation!.shards);
  assert.equal(prepared.count, 6);
  assert.equal(prepared.itemDigests.length, 6);
  const values = (await collect(readItems(prepared.shards, parts.blobs))).map((item) => item[0]);
  assert.deepEqual([...prepared.labels!], values);
});

test('a limit gives the first items in shards of their own, found again the next time', async () => {
  await using parts = await openTestParts();
  const request = await addImages(parts);
  const whole = await prepareDataset(request);
  const prepared = await prepareDataset({ ...request, limit: 2 });
  assert.equal(prepared.count, 2);
  assert.deepEqual(
    prepared.shards.map(({ count, sizeBytes }) => [count, sizeBytes]),
    [[2, 8]],
  );
  assert.deepEqual(prepared.itemDigests, whole.itemDigests.slice(0, 2));
  assert.deepEqual(prepared.labels, whole.labels!.slice(0, 2));
  assert.deepEqual(prepared.dataset.derivedFrom, {
    digest: request.dataset.digest,
    how: 'as stored; evaluation, first 2',
  });
  assert.equal((await prepareDataset({ ...request, limit: 2 })).digest, prepared.digest);
  assert.equal((await parts.store.listDatasets()).length, 2);
});

test('images are resized once; the same request and smaller ones find them again', async () => {
  await using parts = await openTestParts();
  const request = {
    ...(await addImages(parts)),
    contract: { ...gray28, channels: 'RGB', height: 4, width: 6 } as const,
  };
  const progress: number[] = [];
  const onProgress = ({ done }: { done: number }) => progress.push(done);
  const prepared = await prepareDataset({ ...request, onProgress });
  assert.deepEqual(prepared.item, { elementType: 'uint8', shape: [4, 6, 3] });
  assert.deepEqual(
    prepared.dataset.derivedFrom?.how,
    'resize to cover 6x4, centre crop, bilinear (Pillow), RGB; evaluation, first 6',
  );
  const items = await collect(readItems(prepared.shards, parts.blobs));
  assert.deepEqual(
    items.map((item) => new Set(item).size),
    [1, 1, 1, 1, 1, 1],
  );
  assert.deepEqual(
    items.map((item) => item[0]),
    [...prepared.labels!],
  );
  assert.deepEqual(progress, [6]);
  const again = await prepareDataset({ ...request, onProgress });
  assert.equal(again.digest, prepared.digest);
  const fewer = await prepareDataset({ ...request, limit: 3, onProgress });
  assert.deepEqual(fewer.itemDigests, prepared.itemDigests.slice(0, 3));
  assert.deepEqual(await collect(readItems(fewer.shards, parts.blobs)), items.slice(0, 3));
  assert.deepEqual(progress, [6], 'nothing was converted a second time');
});

test('images of differing sizes are kept as files and resized as each input contract says', async () => {
  await using parts = await openTestParts();
  const sizes = [
    [60, 81],
    [81, 60],
    [33, 33],
  ] as const;
  const images = sizes.map(([height, width]) => drawPattern(height, width));
  const files = await Promise.all(
    images.map(async ({ bytes, height, width }, i): Promise<[string, Uint8Array]> => {
      const png = await sharp(bytes, { raw: { height, width, channels: 3 } })
        .png()
        .toBuffer();
      return [`${'abc'[i]}/${i}.png`, png];
    }),
  );
  const notes: string[] = [];
  const path = await parts.write('set.zip', zipSync(Object.fromEntries(files)));
  const dataset = await parts.import(path, { onNote: (text) => notes.push(text) });
  assert.match(notes.join(), /Images differ in size/);
  assert.deepEqual([dataset.encoding, dataset.item.shape], ['image-files', [0, 0, 3]]);
  const contract = inputContractSchema.parse({
    layout: 'NCHW',
    channels: 'RGB',
    height: 28,
    width: 28,
    resize: 32,
  });
  const { store, blobs } = parts;
  const request = { dataset, split: 'all', contract, limit: 0, store, blobs } as const;
  const prepared = await prepareDataset(request);
  assert.deepEqual(prepared.item, { elementType: 'uint8', shape: [28, 28, 3] });
  assert.deepEqual([...prepared.labels!], [0, 1, 2]);
  const items = await collect(readItems(prepared.shards, blobs));
  for (const [i, item] of items.entries())
    assert.deepEqual(item, Buffer.from(convertImage(images[i]!, { ...contract, channels: 'RGB' })));
  assert.deepEqual(
    prepared.itemDigests,
    images.map(({ bytes }) => digestBytes(bytes)),
    'an image has the digest of its pixels, whatever the encoding of the dataset',
  );
  const other = await prepareDataset({ ...request, contract: { ...contract, resize: 'stretch' } });
  assert.notEqual(other.digest, prepared.digest);
  await assert.rejects(prepareDataset({ ...request, contract: { ...contract, layout: 'as-is' } }), {
    code: 'shape-mismatch',
    message: /images of differing sizes/,
  });
});

test('converted items keep the digests of what was imported', async () => {
  await using parts = await openTestParts();
  const request = await addImages(parts);
  const plain = await prepareDataset(request);
  const converted = await prepareDataset({ ...request, contract: { ...gray28, height: 4 } });
  assert.deepEqual(converted.itemDigests, plain.itemDigests);
  assert.notEqual(converted.digest, plain.digest);
});

test('two coordinators derive a dataset of the same digest', async () => {
  const digests: string[] = [];
  for (const _ of [1, 2]) {
    await using parts = await openTestParts();
    const request = await addImages(parts);
    digests.push((await prepareDataset({ ...request, contract: { ...gray28, width: 5 } })).digest);
  }
  assert.equal(digests[0], digests[1]);
});

test('a dataset without a split serves for calibration and for evaluation', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('x.npy', encodeNpy('|u1', [3, 2, 2], new Uint8Array(12)));
  const request = {
    dataset: await parts.import(path),
    contract: gray28,
    limit: 0,
    store: parts.store,
    blobs: parts.blobs,
  };
  for (const split of ['calibration', 'evaluation', 'all'] as const) {
    const prepared = await prepareDataset({ ...request, split });
    assert.equal(prepared.count, 3);
    assert.equal(prepared.labels, undefined);
  }
});

test('all items of a dataset that is divided are refused with what to do', async () => {
  await using parts = await openTestParts();
  const request = await addImages(parts);
  await assert.rejects(prepareDataset({ ...request, split: 'all' }), {
    code: 'failed-precondition',
    message: /has the splits calibration, evaluation; expected all/,
  });
});

test('tensors of another shape than the model takes are a mismatch', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('x.npy', encodeNpy('<f4', [3, 4], new Float32Array(12)));
  const request = {
    dataset: await parts.import(path),
    split: 'all',
    limit: 0,
    store: parts.store,
    blobs: parts.blobs,
  } as const;
  const contract = inputContractSchema.parse({ layout: 'as-is' });
  const modelInput = { name: 'x', elementType: 'float32', shape: ['n', 5] };
  await assert.rejects(prepareDataset({ ...request, contract, modelInput }), {
    code: 'shape-mismatch',
    message:
      /expects items of \[5\] \(input x without its batch dimension\); those of data are float32 \[4\]/,
  });
});

test('gray digits become 224×224 colour images for an ImageNet model', async () => {
  await using parts = await openTestParts();
  const digits = Uint8Array.from({ length: 120 * 784 }, (_, i) => i % 251);
  const labels = Uint8Array.from({ length: 120 }, (_, i) => i % 10);
  const set = zipSync({
    'x.npy': encodeNpy('|u1', [120, 28, 28], digits),
    'y.npy': encodeNpy('|u1', [120], labels),
  });
  const path = await parts.write('digits.npz', set);
  const dataset = await parts.import(path, { split: { calibration: 100, seed: 1 } });
  const contract = inputContractSchema.parse({ layout: 'NCHW', channels: 'RGB', height: 224, width: 224 });
  const { store, blobs } = parts;
  const prepared = await prepareDataset({ dataset, split: 'calibration', contract, limit: 64, store, blobs });
  assert.equal(prepared.count, 64);
  assert.equal(prepared.labels?.length, 64);
  // 55 images of 150,528 bytes are the most that 8 MiB take.
  assert.deepEqual(
    prepared.shards.map((shard) => shard.count),
    [55, 9],
  );
});
