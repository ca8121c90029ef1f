import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readItemDigests, readItems, readLabels } from '../read-split.ts';
import { collect } from '../testing/collect.ts';
import { encodeNpy } from '../testing/encode-npy.ts';
import { openTestParts } from '../testing/open-test-parts.ts';

test('a float array becomes float32 tensors with the labels that lie beside it', async () => {
  await using parts = await openTestParts();
  const values = Float32Array.from({ length: 3 * 4 }, (_, i) => i / 2);
  const path = await parts.write('set.images.npy', encodeNpy('<f4', [3, 4], values));
  await parts.write('set.labels.npy', encodeNpy('<i8', [3], BigInt64Array.from([2n, 0n, 1n])));
  const dataset = await parts.import(path);
  assert.deepEqual(dataset.item, { elementType: 'float32', shape: [4] });
  assert.deepEqual(dataset.classes, { count: 3 });
  assert.equal(dataset.source, 'npy: set.images.npy, set.labels.npy');
  const split = dataset.splits.all!;
  assert.deepEqual([...(await readLabels(split, parts.blobs))!], [2, 0, 1]);
  const items = await collect(readItems(split.shards, parts.blobs));
  assert.equal(items[1]!.readFloatLE(4), 2.5);
});

test('a folder with x.npy and y.npy is one dataset', async () => {
  await using parts = await openTestParts();
  await parts.write(
    'pair/x.npy',
    encodeNpy(
      '|u1',
      [2, 2, 3],
      Uint8Array.from({ length: 12 }, (_, i) => i),
    ),
  );
  await parts.write('pair/y.npy', encodeNpy('|u1', [2], Uint8Array.of(0, 1)));
  const dataset = await parts.import(`${parts.folder}/pair`);
  assert.deepEqual(dataset.item, { elementType: 'uint8', shape: [2, 3, 1] });
  assert.equal(dataset.channels, 'gray');
  assert.equal((await readItemDigests(dataset.splits.all!, parts.blobs)).length, 2);
});

test('images with the channels first are stored with the channels last, and the note says so', async () => {
  await using parts = await openTestParts();
  const path = await parts.write(
    'a.npy',
    encodeNpy('|u1', [1, 3, 1, 2], Uint8Array.of(1, 2, 11, 12, 21, 22)),
  );
  const notes: string[] = [];
  const dataset = await parts.import(path, { onNote: (text) => notes.push(text) });
  assert.deepEqual(dataset.item.shape, [1, 2, 3]);
  assert.equal(dataset.channels, 'RGB');
  const [item] = await collect(readItems(dataset.splits.all!.shards, parts.blobs));
  assert.deepEqual([...item!], [1, 11, 21, 2, 12, 22]);
  assert.match(notes.join(), /stored as \[height, width, channels\]/);
});

test('doubles and half floats are stored as float32, and the note says so', async () => {
  await using parts = await openTestParts();
  const doubles = await parts.write('d.npy', encodeNpy('<f8', [1, 2], Float64Array.of(0.5, -3)));
  const halves = await parts.write('h.npy', encodeNpy('<f2', [1, 2], Uint16Array.of(0x3800, 0xc200)));
  const notes: string[] = [];
  for (const path of [doubles, halves]) {
    const dataset = await parts.import(path, { name: path, onNote: (text) => notes.push(text) });
    const [item] = await collect(readItems(dataset.splits.all!.shards, parts.blobs));
    assert.deepEqual([item!.readFloatLE(0), item!.readFloatLE(4)], [0.5, -3]);
  }
  assert.deepEqual(notes, [
    'd.npy: 64-bit floats are stored as float32.',
    'h.npy: 16-bit floats are stored as float32.',
  ]);
});

const good = encodeNpy('<f4', [2, 2], Float32Array.of(1, 2, 3, 4));
const refusals: readonly { readonly what: string; readonly content: Uint8Array; readonly message: RegExp }[] =
  [
    {
      what: 'NaN',
      content: encodeNpy('<f4', [2, 2], Float32Array.of(1, 2, Number.NaN, 4)),
      message: /item 1 has NaN at position 0/,
    },
    {
      what: 'infinity',
      content: encodeNpy('<f8', [1, 2], Float64Array.of(1, -Infinity)),
      message: /item 0 has -Infinity at position 1/,
    },
    {
      what: 'a truncated file',
      content: good.subarray(0, -3),
      message: /is truncated: expected at least \d+ bytes, got \d+/,
    },
    { what: 'a truncated header', content: good.subarray(0, 40), message: /truncated/ },
    { what: 'bytes behind the end', content: Buffer.concat([good, Buffer.from('x')]), message: /got more/ },
    {
      what: 'big-endian numbers',
      content: encodeNpy('>f4', [1, 1], Float32Array.of(1)),
      message: /type >f4/,
    },
    { what: 'objects', content: encodeNpy('|O', [1, 1], Float64Array.of(1)), message: /type \|O/ },
    {
      what: 'Fortran order',
      content: encodeNpy('<f4', [2, 2], Float32Array.of(1, 2, 3, 4), { fortranOrder: true }),
      message: /Fortran order/,
    },
    {
      what: 'an array without items',
      content: encodeNpy('<f4', [0, 2], new Float32Array(0)),
      message: /holds no items/,
    },
    {
      what: 'items of no elements',
      content: encodeNpy('<f4', [2, 0], new Float32Array(0)),
      message: /none of them 0/,
    },
    {
      what: 'one dimension',
      content: encodeNpy('<f4', [2], Float32Array.of(1, 2)),
      message: /at least two dimensions/,
    },
    {
      what: 'an announced size beyond all limits',
      content: encodeNpy('<f4', [2, 1e9, 1e9], Float32Array.of(1)),
      message: /announces 2 items of/,
    },
  ];
for (const { what, content, message } of refusals) {
  test(`an .npy file with ${what} is refused`, async () => {
    await using parts = await openTestParts();
    const path = await parts.write('a.npy', content);
    await assert.rejects(parts.import(path), { code: 'refused', message });
    assert.deepEqual(await parts.store.listDatasets(), []);
  });
}

const labelRefusals: readonly { readonly what: string; readonly labels: Buffer; readonly message: RegExp }[] =
  [
    {
      what: 'fewer labels than items',
      labels: encodeNpy('|u1', [1], Uint8Array.of(1)),
      message: /2 items, but there are 1 labels/,
    },
    {
      what: 'a negative label',
      labels: encodeNpy('<i4', [2], Int32Array.of(0, -1)),
      message: /label of item 1 is -1/,
    },
    {
      what: 'a label that is no integer',
      labels: encodeNpy('<f4', [2], Float32Array.of(0.5, 1)),
      message: /label of item 0 is 0.5/,
    },
    {
      what: 'a label beyond all reason',
      labels: encodeNpy('<i8', [2], BigInt64Array.of(0n, 1n << 40n)),
      message: /label of item 1 is 1099511627776/,
    },
    {
      what: 'one-hot labels',
      labels: encodeNpy('|u1', [2, 2], Uint8Array.of(0, 1, 1, 0)),
      message: /expected \[items\] with one class number each/,
    },
  ];
for (const { what, labels, message } of labelRefusals) {
  test(`an .npy file with ${what} is refused`, async () => {
    await using parts = await openTestParts();
    const path = await parts.write('x.npy', good);
    await parts.write('y.npy', labels);
    await assert.rejects(parts.import(path), { code: 'refused', message });
  });
}

test('a label outside the announced number of classes is refused', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('x.npy', good);
  await parts.write('y.npy', encodeNpy('|u1', [2], Uint8Array.of(0, 5)));
  await assert.rejects(parts.import(path, { classCount: 5 }), {
    code: 'refused',
    message: /expected an integer from 0 to 4/,
  });
  assert.deepEqual((await parts.import(path, { classCount: 10 })).classes, { count: 10 });
});

test('resizing arrays at import is refused with what to do instead', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('x.npy', good);
  await assert.rejects(parts.import(path, { resize: { width: 2, height: 2 } }), {
    code: 'invalid-argument',
    message: /Resizing is for image files/,
  });
});
