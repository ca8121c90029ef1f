import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from './create-random.ts';
import { drawGlyph, IMAGE_SIZE_PX } from './draw-glyph.ts';

test('ink is 0…1, full on the stroke and none in the corners', () => {
  const ink = drawGlyph([[-0.5, 0, 0.5, 0]], createRandom({ seed: 1, stream: 1 }));
  assert.equal(ink.length, IMAGE_SIZE_PX * IMAGE_SIZE_PX);
  assert.equal(Math.max(...ink), 1);
  assert.ok(Math.min(...ink) >= 0);
  for (const corner of [0, 31, 31 * 32, 31 * 32 + 31]) assert.equal(ink[corner], 0);
});

test('a stroke drawn twice leaves no more ink than one drawn once', () => {
  const stroke = [-0.5, -0.5, 0.5, 0.5];
  const once = drawGlyph([stroke], createRandom({ seed: 3, stream: 1 }));
  const twice = drawGlyph([stroke, stroke], createRandom({ seed: 3, stream: 1 }));
  assert.deepEqual(twice, once);
});

test('a stroke that leaves the picture is cut at its border', () => {
  const ink = drawGlyph([[0, 0, 9, 0]], createRandom({ seed: 4, stream: 1 }));
  const isBorder = (pixel: number): boolean => [0, 31].includes(pixel % 32) || pixel < 32 || pixel >= 31 * 32;
  assert.ok(ink.some((value, pixel) => value > 0.5 && isBorder(pixel)));
});

test('a stroke of no length is a dot', () => {
  const ink = drawGlyph([[0, 0, 0, 0]], createRandom({ seed: 5, stream: 1 }));
  const covered = ink.filter((value) => value > 0).length;
  assert.ok(covered > 0 && covered < 30, `${covered} pixels have ink`);
});
