import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { readItemDigests, readItems, readLabels } from '../read-split.ts';
import { collect } from '../testing/collect.ts';
import { encodeIdx } from '../testing/encode-idx.ts';
import { openTestParts } from '../testing/open-test-parts.ts';

test('a folder of packed images and labels is read as MNIST publishes its sets', async () => {
  await using parts = await openTestParts();
  const digits = Uint8Array.from({ length: 1000 * 784 }, (_, i) => (i * 31) % 256);
  const classes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) % 10);
  await parts.write('set/t10k-images-idx3-ubyte.gz', gzipSync(encodeIdx([1000, 28, 28], digits)));
  await parts.write('set/t10k-labels-idx1-ubyte.gz', gzipSync(encodeIdx([1000], classes)));
  const dataset = await parts.import(`${parts.folder}/set`);
  assert.equal(dataset.count, 1000);
  assert.deepEqual(dataset.item, { elementType: 'uint8', shape: [28, 28, 1] });
  assert.equal(dataset.channels, 'gray');
  assert.deepEqual(dataset.classes, { count: 10 });
  const split = dataset.splits.all!;
  assert.deepEqual([...(await readLabels(split, parts.blobs))!], [...classes]);
  const [first] = await readItemDigests(split, parts.blobs);
  assert.equal(first, digestBytes(digits.subarray(0, 784)));
  assert.deepEqual(
    split.shards.map(({ count, firstIndex }) => [firstIndex, count]),
    [[0, 1000]],
  );
});

const pixels = Uint8Array.from({ length: 3 * 2 * 2 }, (_, i) => i);

test('one images file finds its labels beside it, packed or not', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('t-images-idx3-ubyte', encodeIdx([3, 2, 2], pixels));
  await parts.write('t-labels-idx1-ubyte.gz', gzipSync(encodeIdx([3], Uint8Array.of(1, 0, 2))));
  const dataset = await parts.import(path);
  assert.deepEqual([...(await readLabels(dataset.splits.all!, parts.blobs))!], [1, 0, 2]);
  const [, second] = await collect(readItems(dataset.splits.all!.shards, parts.blobs));
  assert.deepEqual([...second!], [4, 5, 6, 7]);
});

test('an images file alone is a dataset without labels', async () => {
  await using parts = await openTestParts();
  const dataset = await parts.import(await parts.write('t-images-idx3-ubyte', encodeIdx([3, 2, 2], pixels)));
  assert.equal(dataset.classes, undefined);
  assert.equal(dataset.splits.all!.labelsBlob, undefined);
});

test('a folder with two image files is refused with their names', async () => {
  await using parts = await openTestParts();
  await parts.write('mnist/train-images-idx3-ubyte', encodeIdx([3, 2, 2], pixels));
  await parts.write('mnist/t10k-images-idx3-ubyte', encodeIdx([3, 2, 2], pixels));
  await assert.rejects(parts.import(`${parts.folder}/mnist`), {
    code: 'refused',
    message: /2 image files: t10k-images-idx3-ubyte, train-images-idx3-ubyte/,
  });
});

const refusals: readonly {
  readonly what: string;
  readonly name: string;
  readonly content: Uint8Array;
  readonly message: RegExp;
}[] = [
  {
    what: 'a truncated file',
    name: 't-images-idx3-ubyte',
    content: encodeIdx([3, 2, 2], pixels.subarray(1)),
    message: /truncated/,
  },
  {
    what: 'a truncated gzip file',
    name: 't-images-idx3-ubyte.gz',
    content: gzipSync(encodeIdx([3, 2, 2], pixels)).subarray(0, -9),
    message: /damaged or truncated: unexpected end of file/,
  },
  {
    what: 'more bytes than announced',
    name: 't-images-idx3-ubyte',
    content: encodeIdx([2, 2, 2], pixels),
    message: /got more/,
  },
  {
    what: 'floats',
    name: 't-images-idx3-ubyte',
    content: Buffer.from('00000d030000000100000001000000013f800000', 'hex'),
    message: /idx type 0xd/,
  },
  {
    what: 'no items',
    name: 't-images-idx3-ubyte',
    content: encodeIdx([0, 2, 2], new Uint8Array(0)),
    message: /holds no items/,
  },
];
for (const { what, name, content, message } of refusals) {
  test(`an idx file with ${what} is refused`, async () => {
    await using parts = await openTestParts();
    await assert.rejects(parts.import(await parts.write(name, content)), { code: 'refused', message });
  });
}

test('a corrupt gzip file is refused', async () => {
  await using parts = await openTestParts();
  const packed = gzipSync(encodeIdx([3, 2, 2], pixels));
  packed[packed.length - 6]! ^= 0xff;
  const path = await parts.write('t-images-idx3-ubyte.gz', packed);
  await assert.rejects(parts.import(path), { code: 'refused', message: /damaged or truncated/ });
});

test('fewer labels than images are refused', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('t-images-idx3-ubyte', encodeIdx([3, 2, 2], pixels));
  await parts.write('t-labels-idx1-ubyte', encodeIdx([2], Uint8Array.of(0, 1)));
  await assert.rejects(parts.import(path), { code: 'refused', message: /3 items, but there are 2 labels/ });
});
