import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { drawPattern } from '../testing/draw-pattern.ts';
import { convertImage } from './convert-image.ts';

const colour = {
  bytes: Uint8Array.of(10, 20, 30, 40, 50, 60),
  height: 1,
  width: 2,
  channels: 3,
} as const;
/** Resize and filter by default. */
const plain = { resize: 'cover', filter: 'bilinear' } as const;
const gray = { bytes: Uint8Array.of(7, 9), height: 1, width: 2, channels: 1 } as const;

test('gray becomes colour by repeating its value', async () => {
  const result = convertImage(gray, { height: 1, width: 2, channels: 'RGB', ...plain });
  assert.deepEqual([...result], [7, 7, 7, 9, 9, 9]);
});

test('colour becomes gray, and neutral colours keep their value', async () => {
  const neutral = { ...colour, bytes: Uint8Array.of(0, 0, 0, 255, 255, 255) };
  assert.deepEqual([...convertImage(neutral, { height: 1, width: 2, channels: 'gray', ...plain })], [0, 255]);
});

test('an image of one value keeps it in any size', async () => {
  const flat = { ...gray, bytes: new Uint8Array(8 * 8).fill(123), height: 8, width: 8 };
  const result = convertImage(flat, { height: 20, width: 30, channels: 'gray', ...plain });
  assert.equal(result.length, 600);
  assert.ok(result.every((value) => value === 123));
});

test('a wide image is cut in the middle rather than squeezed', async () => {
  const stripes = Uint8Array.from({ length: 4 * 12 }, (_, i) => (i % 12 < 4 ? 0 : i % 12 < 8 ? 100 : 200));
  const wide = { bytes: stripes, height: 4, width: 12, channels: 1 } as const;
  const result = convertImage(wide, { height: 4, width: 4, channels: 'gray', ...plain });
  assert.ok(result.every((value) => value === 100));
});

/** First half of the SHA-256 of torchvision's `CenterCrop(28)` after `Resize(32)` of the PIL image, Pillow 11.3.0. */
const torchvision: readonly (readonly [height: number, width: number, digest: string])[] = [
  [60, 81, 'd3fe82a74314968e27b6fe96113fbddf'],
  [81, 60, '1bd1adbdaf3655c78fe151b376f56105'],
  [33, 33, '5ee2cfcb4052a219a1a937799b9a7a54'],
  [47, 64, '78b7a48b2d703ac0d598ebc46f95eb83'],
  [20, 91, '2b21633a99c0ecc61ac05d941a98f4a6'],
  [64, 65, 'a29ec2120b13ebb1eee9f1829ee337f3'],
];
for (const [height, width, digest] of torchvision) {
  test(`${height}x${width} resized to 32 and cropped to 28 is what torchvision gives, byte for byte`, () => {
    const target = { height: 28, width: 28, resize: 32, filter: 'bilinear', channels: 'RGB' } as const;
    assert.equal(digestBytes(convertImage(drawPattern(height, width), target)).slice(0, 32), digest);
  });
}

test('colour becomes gray as Pillow does it, byte for byte', () => {
  const target = { height: 11, width: 13, ...plain, channels: 'gray' } as const;
  assert.equal(
    digestBytes(convertImage(drawPattern(11, 13), target)),
    '76a001e0ad0f1344ea5f5cf52a4a522ab57e464d84cb928abe16de0ecb7cf9f5',
  );
});

test('stretch gives the whole image whatever its shape, and an image smaller than the crop has a border', () => {
  const wide = { bytes: Uint8Array.of(0, 255), height: 1, width: 2, channels: 1 } as const;
  const target = { height: 2, width: 2, filter: 'nearest', channels: 'gray' } as const;
  assert.deepEqual([...convertImage(wide, { ...target, resize: 'stretch' })], [0, 255, 0, 255]);
  assert.deepEqual([...convertImage(wide, { ...target, height: 3, resize: 1 })], [0, 0, 0, 255, 0, 0]);
});
