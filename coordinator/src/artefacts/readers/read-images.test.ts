import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import type { Dataset } from '../artefacts.ts';
import { readItems, readLabels } from '../read-split.ts';
import { collect } from '../testing/collect.ts';
import { encodePng } from '../testing/encode-png.ts';
import { encodeTar } from '../testing/encode-tar.ts';
import { openTestParts, type TestParts } from '../testing/open-test-parts.ts';

const red = await encodePng(3, 2, [255, 0, 0]);
const green = await encodePng(3, 2, [0, 255, 0]);
const blue = await encodePng(3, 2, [0, 0, 255]);
const gray = await encodePng(3, 2, [128]);

/** The first pixel of each item. */
async function firstPixels(parts: TestParts, dataset: Dataset): Promise<number[][]> {
  const items = await collect(readItems(dataset.splits.all!.shards, parts.blobs));
  return items.map((item) => [...item.subarray(0, dataset.item.shape[2]!)]);
}

test('an archive of JPEGs by class is read, in shards of 8 MiB at most', async () => {
  await using parts = await openTestParts();
  const names = ['airplane', 'automobile', 'bird'];
  const files = await Promise.all(
    names.flatMap((name, label) =>
      [1, 2].map(async (i) => {
        const picture = await sharp(await encodePng(1200, 1000, [80 * label, 200, 40 * i]))
          .jpeg()
          .toBuffer();
        return [`pictures/test/${name}/000${i}.jpg`, picture] as const;
      }),
    ),
  );
  const dataset = await parts.import(await parts.write('set.tar', await encodeTar(files)));
  assert.equal(dataset.count, 6);
  assert.deepEqual(dataset.item, { elementType: 'uint8', shape: [1000, 1200, 3] });
  assert.equal(dataset.channels, 'RGB');
  assert.deepEqual(dataset.classes, { count: 3, names });
  assert.deepEqual([...(await readLabels(dataset.splits.all!, parts.blobs))!].sort(), [0, 0, 1, 1, 2, 2]);
  const { shards } = dataset.splits.all!;
  assert.deepEqual(
    shards.map((shard) => shard.count),
    [2, 2, 2],
  );
  assert.ok(shards.every((shard) => shard.sizeBytes <= 8 * 2 ** 20));
});

test('a folder of images has the names of its sub-folders as classes', async () => {
  await using parts = await openTestParts();
  await parts.write('set/dog/1.png', red);
  await parts.write('set/cat/2.png', green);
  await parts.write('set/cat/1.png', blue);
  await parts.write('set/README.md', 'about');
  const notes: string[] = [];
  const dataset = await parts.import(`${parts.folder}/set`, { onNote: (text) => notes.push(text) });
  assert.deepEqual(dataset.classes, { count: 2, names: ['cat', 'dog'] });
  assert.deepEqual(await firstPixels(parts, dataset), [
    [0, 0, 255],
    [0, 255, 0],
    [255, 0, 0],
  ]);
  assert.deepEqual([...(await readLabels(dataset.splits.all!, parts.blobs))!], [0, 0, 1]);
  assert.deepEqual(notes, [
    '1 files that are no images were left out.',
    'Classes are numbered in the order of their names: cat = 0, dog = 1.',
  ]);
});

test('the same images make the same dataset from a folder, a tar, a tar.gz and a zip, their source aside', async () => {
  await using parts = await openTestParts();
  const files = { 'set/a/1.png': red, 'set/b/2.png': green };
  for (const [name, content] of Object.entries(files)) await parts.write(name, content);
  const tar = await encodeTar(Object.entries(files));
  const paths = [
    `${parts.folder}/set`,
    await parts.write('set.tar', tar),
    await parts.write('set.tar.gz', gzipSync(tar)),
    await parts.write('set.zip', zipSync(files)),
  ];
  const [first, ...others] = await Promise.all(paths.map((path) => parts.import(path, { name: path })));
  for (const other of others) {
    assert.deepEqual(other.splits, first!.splits);
    assert.deepEqual(other.classes, first!.classes);
  }
});

test('images in one folder have no labels', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', zipSync({ 'images/1.png': red, 'images/2.png': green }));
  assert.equal((await parts.import(path)).classes, undefined);
});

test('images beside class folders are refused', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', zipSync({ 'cat/1.png': red, 'stray.png': green }));
  await assert.rejects(parts.import(path), { code: 'refused', message: /stray.png has no label/ });
});

test('labels come from a CSV file by path or by the end of the path', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', zipSync({ 'set/1.png': red, 'set/2.png': green }));
  const labelsCsv = await parts.write('labels.csv', 'file,label\n"2.png",7\r\nset/1.png,3\nother.png,1\n');
  const notes: string[] = [];
  const dataset = await parts.import(path, { labelsCsv, onNote: (text) => notes.push(text) });
  assert.deepEqual([...(await readLabels(dataset.splits.all!, parts.blobs))!], [3, 7]);
  assert.deepEqual(dataset.classes, { count: 8 });
  assert.deepEqual(notes, ['labels.csv: 1 rows name no image of the dataset.']);
});

const twelve = Array.from({ length: 12 }, (_, i) => i);
/** Twelve images n0.png … n11.png, each in a folder named after its number. */
const numbered = (): Uint8Array => zipSync(Object.fromEntries(twelve.map((i) => [`${i}/n${i}.png`, red])));
/** The class of n0.png … n11.png, whatever the order of the archive. */
async function classesByNumber(parts: TestParts, dataset: Dataset): Promise<number[]> {
  const order = Object.keys(Object.fromEntries(twelve.map((i) => [`${i}/n${i}.png`, 0])));
  const labels = (await readLabels(dataset.splits.all!, parts.blobs))!;
  return twelve.map((i) => labels[order.indexOf(`${i}/n${i}.png`)]!);
}

const headers = [
  'file,label',
  'image_id,label',
  'file_name,label',
  'filename,class_id',
  'Image Path,Class Name',
  'ImageId,TrueLabel',
  '"photo of","what, if any"',
];
for (const header of headers) {
  test(`labels of more than ten classes stay numbers under the header ${header}`, async () => {
    await using parts = await openTestParts();
    const rows = twelve.map((i) => `n${i}.png,${i}\n`).join('');
    const labelsCsv = await parts.write('labels.csv', `${header}\n${rows}`);
    const notes: string[] = [];
    const dataset = await parts.import(await parts.write('set.zip', numbered()), {
      labelsCsv,
      onNote: (text) => notes.push(text),
    });
    assert.deepEqual(await classesByNumber(parts, dataset), twelve);
    assert.deepEqual([dataset.classes, notes], [{ count: 12 }, []]);
  });
}

test('a labels file names its columns, wherever they stand, and files without their extension', async () => {
  await using parts = await openTestParts();
  const rows = twelve.map((i) => `${i},train,n${i},"${i}.0"\n`).join('');
  const labelsCsv = await parts.write('labels.csv', `\uFEFFrow;split;id;class\n${rows.replaceAll(',', ';')}`);
  const dataset = await parts.import(await parts.write('set.zip', numbered()), { labelsCsv });
  assert.deepEqual(await classesByNumber(parts, dataset), twelve);
});

test('class folders named by integers are numbered by value, with a note, or as text on demand', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', numbered());
  const notes: string[] = [];
  const byValue = await parts.import(path, { name: 'value', onNote: (text) => notes.push(text) });
  assert.deepEqual(await classesByNumber(parts, byValue), twelve);
  assert.match(notes.join('\n'), /numbered by value: 0, 1, …, 11.*--class-order text/);
  const asText = await parts.import(path, { name: 'text', classOrder: 'text' });
  assert.deepEqual(await classesByNumber(parts, asText), [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3]);
});

test('class folders are class numbers where more classes are announced than there are folders', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', zipSync({ '7/a.png': red, '31/b.png': green }));
  const dataset = await parts.import(path, { classCount: 1000 });
  assert.deepEqual([...(await readLabels(dataset.splits.all!, parts.blobs))!], [7, 31]);
  assert.deepEqual(dataset.classes, { count: 1000 });
});

test('labels that are numbers and names together are refused where their order as text is another', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', zipSync({ '1.png': red, '2.png': green, '3.png': blue }));
  const labelsCsv = await parts.write('labels.csv', '1.png,10\n2.png,9\n3.png,unknown\n');
  await assert.rejects(parts.import(path, { labelsCsv }), {
    code: 'refused',
    message: /10, 9, and "unknown"/,
  });
});

const csvRefusals: readonly { readonly what: string; readonly csv: string; readonly message: RegExp }[] = [
  { what: 'a row that fits two images', csv: '1.png,0\n', message: /fits both a\/1.png and b\/1.png/ },
  {
    what: 'a label that is no integer',
    csv: 'a/1.png,0.5\nb/1.png,1\n',
    message: /label of a\/1.png is 0.5/,
  },
  { what: 'a negative label', csv: 'a/1.png,-1\nb/1.png,1\n', message: /label of a\/1.png is -1/ },
  { what: 'a line that is no pair', csv: 'a/1.png\n', message: /Line 1 of the labels file/ },
  { what: 'a file named twice', csv: 'a/1.png,0\na/1.png,1\n', message: /names a\/1.png twice/ },
];
for (const { what, csv, message } of csvRefusals) {
  test(`a labels file with ${what} is refused`, async () => {
    await using parts = await openTestParts();
    const path = await parts.write('set.zip', zipSync({ 'a/1.png': red, 'b/1.png': green }));
    const labelsCsv = await parts.write('labels.csv', csv);
    await assert.rejects(parts.import(path, { labelsCsv }), { code: 'refused', message });
  });
}

test('an image without a row in the labels file is refused', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', zipSync({ 'a/1.png': red, 'b/2.png': green }));
  const labelsCsv = await parts.write('labels.csv', '1.png,0\n');
  await assert.rejects(parts.import(path, { labelsCsv }), {
    code: 'refused',
    message: /no row for b\/2.png/,
  });
});

test('gray images stay gray, and become RGB among colour images', async () => {
  await using parts = await openTestParts();
  const onlyGray = await parts.import(await parts.write('g.zip', zipSync({ '1.png': gray })), { name: 'g' });
  assert.deepEqual([onlyGray.item.shape, onlyGray.channels], [[2, 3, 1], 'gray']);
  const mixed = await parts.import(await parts.write('m.zip', zipSync({ '1.png': gray, '2.png': red })), {
    name: 'm',
  });
  assert.deepEqual([mixed.item.shape, mixed.channels], [[2, 3, 3], 'RGB']);
  assert.deepEqual(await firstPixels(parts, mixed), [
    [128, 128, 128],
    [255, 0, 0],
  ]);
});

test('transparency lies over black, 16 bits become 8, and EXIF rotation is applied', async () => {
  await using parts = await openTestParts();
  const half = await encodePng(3, 2, [255, 0, 0, 128]);
  const deep = await sharp(Buffer.from(Uint16Array.from({ length: 6 }, () => 0x8080).buffer), {
    raw: { width: 3, height: 2, channels: 1, depth: 'ushort' } as never,
  })
    .toColourspace('grey16')
    .png()
    .toBuffer();
  const turned = await sharp(red).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  const flat = await parts.import(await parts.write('a.zip', zipSync({ '1.png': half })), { name: 'a' });
  assert.deepEqual(await firstPixels(parts, flat), [[128, 0, 0]]);
  const shallow = await parts.import(await parts.write('b.zip', zipSync({ '1.png': deep })), { name: 'b' });
  assert.deepEqual(await firstPixels(parts, shallow), [[128]]);
  const upright = await parts.import(await parts.write('c.zip', zipSync({ '1.jpg': turned })), { name: 'c' });
  assert.deepEqual(upright.item.shape, [3, 2, 3]);
});

test('images of differing sizes are stored in one size on demand', async () => {
  await using parts = await openTestParts();
  const path = await parts.write(
    'set.zip',
    zipSync({ '1.png': red, '2.png': await encodePng(4, 4, [1, 2, 3]) }),
  );
  const dataset = await parts.import(path, { resize: { width: 5, height: 4 } });
  assert.deepEqual(dataset.item.shape, [4, 5, 3]);
  assert.deepEqual(await firstPixels(parts, dataset), [
    [255, 0, 0],
    [1, 2, 3],
  ]);
});

const jpeg = await sharp(await encodePng(64, 64, [9, 90, 200]))
  .jpeg()
  .toBuffer();
const archiveRefusals: readonly {
  readonly what: string;
  readonly content: () => Promise<Uint8Array>;
  readonly message: RegExp;
}[] = [
  {
    what: 'an entry outside its folder',
    content: () => encodeTar([['../x.png', red]]),
    message: /"\.\.\/x\.png"; absolute paths and "\.\." are not taken/,
  },
  { what: 'an absolute entry', content: () => encodeTar([['/etc/x.png', red]]), message: /"\/etc\/x.png"/ },
  {
    what: 'a zip entry outside its folder',
    content: async () => zipSync({ 'a/../../x.png': red }),
    message: /not taken/,
  },
  {
    what: 'a link',
    content: () =>
      encodeTar([[{ name: 'x.png', type: 'symlink', linkname: '/etc/passwd' }, new Uint8Array(0)]]),
    message: /has a link, "x.png"/,
  },
  {
    what: 'no images',
    content: () => encodeTar([['a.txt', Buffer.from('text')]]),
    message: /holds no images/,
  },
  {
    what: 'a text that calls itself an image',
    content: () => encodeTar([['a.png', Buffer.from('text')]]),
    message: /a.png is no image of a supported format/,
  },
  {
    what: 'an SVG',
    content: async () => zipSync({ 'a.svg': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') }),
    message: /a.svg is no image of a supported format/,
  },
  {
    what: 'a truncated JPEG',
    content: async () => zipSync({ 'a.jpg': jpeg.subarray(0, jpeg.length - 100) }),
    message: /a.jpg cannot be decoded/,
  },
  {
    what: 'a damaged PNG',
    content: async () => zipSync({ 'a.png': Buffer.concat([red.subarray(0, 45), Buffer.alloc(20)]) }),
    message: /a.png cannot be decoded/,
  },
  {
    what: 'its second half missing (tar)',
    content: async () =>
      (
        await encodeTar([
          ['a.png', red],
          ['b.png', green],
        ])
      ).subarray(0, 700),
    message: /damaged or truncated/,
  },
  {
    what: 'its last entry missing (tar)',
    content: async () =>
      (
        await encodeTar([
          ['a.png', red],
          ['b.png', green],
        ])
      ).subarray(0, 1024),
    message: /does not end in a block of zeros/,
  },
  {
    what: 'its end missing (tar.gz)',
    content: async () => gzipSync(await encodeTar([['a.png', red]])).subarray(0, -10),
    message: /damaged or truncated/,
  },
  {
    what: 'its end missing (zip)',
    content: async () => zipSync({ 'a.png': red }).subarray(0, -5),
    message: /it is truncated/,
  },
];
for (const { what, content, message } of archiveRefusals) {
  test(`an archive with ${what} is refused`, async () => {
    await using parts = await openTestParts();
    const path = await parts.write('set.bin', await content());
    await assert.rejects(parts.import(path), { code: 'refused', message });
    assert.deepEqual(await parts.store.listDatasets(), []);
  });
}

test('an image of too many pixels is refused before it is decoded', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', zipSync({ 'a.png': red }));
  const limits = { maxItems: 10, maxItemBytes: 10_000, maxTotalBytes: 10_000, maxPixels: 5 };
  await assert.rejects(parts.import(path, { limits }), { code: 'refused', message: /pixel limit/ });
});

test('an archive that unpacks to more than the limit is refused', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', zipSync({ 'a.txt': new Uint8Array(1_000_000), 'a.png': red }));
  const limits = { maxItems: 10, maxItemBytes: 2_000_000, maxTotalBytes: 900_000, maxPixels: 100 };
  await assert.rejects(parts.import(path, { limits }), {
    code: 'refused',
    message: /more than 900000 bytes/,
  });
});

test('a folder without images is refused, and links in it are left out', async () => {
  await using parts = await openTestParts();
  await parts.write('set/notes.txt', 'text');
  await symlink('/etc/passwd', `${parts.folder}/set/a.png`);
  await assert.rejects(parts.import(`${parts.folder}/set`), { code: 'refused', message: /holds no images/ });
});

test('a file of no known format is refused with the list of what is supported', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.parquet', 'PAR1');
  await assert.rejects(parts.import(path), (error: { code: string; hint: string }) => {
    assert.equal(error.code, 'refused');
    for (const format of ['.npy', '.npz', 'idx', '.tar', '.zip', 'folder of images'])
      assert.ok(error.hint.includes(format), format);
    return true;
  });
});

test('a path that is not there is not found', async () => {
  await using parts = await openTestParts();
  await assert.rejects(parts.import(`${parts.folder}/nothing`), { code: 'not-found' });
});

test('a git-LFS pointer in the place of data is recognised', async () => {
  await using parts = await openTestParts();
  const path = await parts.write(
    'set.npz',
    'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
  );
  await assert.rejects(parts.import(path), { code: 'refused', message: /is a git-LFS pointer/ });
});

test('a labels file that is not there is not found', async () => {
  await using parts = await openTestParts();
  const path = await parts.write('set.zip', zipSync({ 'a/1.png': red }));
  await assert.rejects(parts.import(path, { labelsCsv: '/nowhere.csv' }), { code: 'not-found' });
});
