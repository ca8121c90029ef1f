import assert from 'node:assert/strict';
import { test } from 'node:test';
import { convertImage } from './convert-image.ts';

const colour = {
  bytes: Uint8Array.of(10, 20, 30, 40, 50, 60),
  height: 1,
  width: 2,
  channels: 3,
} as const;
const gray = { bytes: Uint8Array.of(7, 9), height: 1, width: 2, channels: 1 } as const;

test('gray becomes colour by repeating its value', async () => {
  const result = await convertImage(gray, { height: 1, width: 2, channels: 'RGB' });
  assert.deepEqual([...result], [7, 7, 7, 9, 9, 9]);
});

test('colour becomes gray, and neutral colours keep their value', async () => {
  const neutral = { ...colour, bytes: Uint8Array.of(0, 0, 0, 255, 255, 255) };
  assert.deepEqual([...(await convertImage(neutral, { height: 1, width: 2, channels: 'gray' }))], [0, 255]);
});

test('an image of one value keeps it in any size', async () => {
  const flat = { ...gray, bytes: new Uint8Array(8 * 8).fill(123), height: 8, width: 8 };
  const result = await convertImage(flat, { height: 20, width: 30, channels: 'gray' });
  assert.equal(result.length, 600);
  assert.ok(result.every((value) => value === 123));
});

test('a wide image is cut in the middle rather than squeezed', async () => {
  const stripes = Uint8Array.from({ length: 4 * 12 }, (_, i) => (i % 12 < 4 ? 0 : i % 12 < 8 ? 100 : 200));
  const wide = { bytes: stripes, height: 4, width: 12, channels: 1 } as const;
  const result = await convertImage(wide, { height: 4, width: 4, channels: 'gray' });
  assert.ok(result.every((value) => value === 100));
});
