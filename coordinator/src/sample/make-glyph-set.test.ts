import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { makeGlyphSet } from './make-glyph-set.ts';

const CLASSES = 24;
const PIXELS = 32 * 32;

test('a seed gives the same pictures on every machine, bit for bit', () => {
  const { images, labels } = makeGlyphSet({ seed: 7, count: 480 });
  const hash = createHash('sha256').update(images).update(labels).digest('hex');
  assert.equal(hash, 'e23a07b5f7433a52a399d4e9893f6c16865967304b8dc879a84142b70254f51d');
});

test('different seeds give different pictures and different orders of classes', () => {
  const first = makeGlyphSet({ seed: 1, count: 48 });
  const second = makeGlyphSet({ seed: 2, count: 48 });
  assert.notDeepEqual(first.images, second.images);
  assert.notDeepEqual(first.labels, second.labels);
});

test('no picture of one seed is found again in it or in another seed', () => {
  const sets = [1, 2, 3].map((seed) => makeGlyphSet({ seed, count: 1000 }).images);
  const pictures = sets.flatMap((images) =>
    Array.from({ length: 1000 }, (_, index) => hashPicture(images, index)),
  );
  assert.equal(new Set(pictures).size, 3000);
});

test('a shorter set is the beginning of a longer one', () => {
  const short = makeGlyphSet({ seed: 5, count: 30 });
  const long = makeGlyphSet({ seed: 5, count: 100 });
  assert.deepEqual(short.images, long.images.slice(0, short.images.length));
  assert.deepEqual(short.labels, long.labels.slice(0, 30));
});

test('every run of 24 pictures holds each class once, in an order that changes', () => {
  const { labels } = makeGlyphSet({ seed: 3, count: CLASSES * 10 });
  const runs = Array.from({ length: 10 }, (_, run) =>
    Array.from(labels.slice(run * CLASSES, (run + 1) * CLASSES)),
  );
  const everyClass = Array.from({ length: CLASSES }, (_, label) => label);
  for (const run of runs)
    assert.deepEqual(
      run.toSorted((a, b) => a - b),
      everyClass,
    );
  assert.equal(new Set(runs.map(String)).size, 10);
});

test('a count that the classes do not divide is balanced to within one', () => {
  const { labels } = makeGlyphSet({ seed: 3, count: 100 });
  const counts = new Array<number>(CLASSES).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  assert.equal(Math.max(...counts) - Math.min(...counts), 1);
});

test('the set says its own shape', () => {
  const set = makeGlyphSet({ seed: 0, count: 3 });
  assert.deepEqual([set.height, set.width, set.channels], [32, 32, 1]);
  assert.equal(set.images.length, 3 * PIXELS);
  assert.equal(set.labels.length, 3);
  assert.equal(new Set(set.classNames).size, CLASSES);
});

test('every picture has something in it', () => {
  const { images } = makeGlyphSet({ seed: 11, count: 2400 });
  for (let index = 0; index < 2400; index++) {
    const picture = images.subarray(index * PIXELS, (index + 1) * PIXELS);
    assert.ok(Math.max(...picture) - Math.min(...picture) >= 20, `picture ${index} is nearly even`);
  }
});

test('an empty set is a set', () => {
  assert.equal(makeGlyphSet({ seed: 1, count: 0 }).images.length, 0);
});

test('a seed or count that is no whole number in range is refused', () => {
  assert.throws(() => makeGlyphSet({ seed: -1, count: 1 }), /expected seed to be a whole number/);
  assert.throws(() => makeGlyphSet({ seed: 0.5, count: 1 }), /expected seed to be a whole number/);
  assert.throws(() => makeGlyphSet({ seed: 2 ** 32, count: 1 }), /expected seed to be a whole number/);
  assert.throws(() => makeGlyphSet({ seed: 1, count: Number.NaN }), /expected count to be a whole number/);
});

function hashPicture(images: Uint8Array, index: number): string {
  return createHash('sha256')
    .update(images.subarray(index * PIXELS, (index + 1) * PIXELS))
    .digest('hex');
}
