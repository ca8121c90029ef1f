import type { Random } from './create-random.ts';
import { IMAGE_SIZE_PX } from './draw-glyph.ts';

/** What a camera does to the drawing. Light is 0 (black) … 1 (white). */
const LIMITS = {
  paper: { low: 0.05, high: 0.95 },
  contrast: { low: 0.12, high: 0.8 },
  slope: 0.15,
  blur: { low: 0, high: 0.25 },
  blurPasses: 2,
  noise: { low: 0.01, high: 0.08 },
} as const;

/** Standard deviation of the sum of four independent uniform bytes: sqrt(4 · (256² − 1) / 12). */
const FOUR_BYTES_DEVIATION = 147.80054127099805;
const FOUR_BYTES_MEAN = 510;

/**
 * Turns ink `[32, 32]` (0…1) into a gray picture `[32, 32]`, uint8: out of focus, unevenly lit, dark on light or light
 * on dark, and noisy. Writes at `offset` of `pixels`.
 */
export function photographInk(
  ink: Float64Array,
  random: Random,
  target: { readonly pixels: Uint8Array; readonly offset: number },
): void {
  const blurred = blurImage(ink, random.drawBetween(LIMITS.blur));
  const paper = random.drawBetween(LIMITS.paper);
  const contrast = random.drawBetween(LIMITS.contrast);
  // Away from the nearer end of the range, so that the ink is never clipped to the colour of the paper.
  const signed = paper < 0.5 ? contrast : -contrast;
  const slopeX = random.drawBetween({ low: -LIMITS.slope, high: LIMITS.slope }) / IMAGE_SIZE_PX;
  const slopeY = random.drawBetween({ low: -LIMITS.slope, high: LIMITS.slope }) / IMAGE_SIZE_PX;
  const noise = random.drawBetween(LIMITS.noise) / FOUR_BYTES_DEVIATION;
  const middle = IMAGE_SIZE_PX / 2;

  for (let pixel = 0; pixel < ink.length; pixel++) {
    const x = pixel % IMAGE_SIZE_PX;
    const y = (pixel - x) / IMAGE_SIZE_PX;
    const shade = slopeX * (x - middle) + slopeY * (y - middle);
    const light = paper + signed * (blurred[pixel] as number) + shade + noise * drawFourBytes(random);
    target.pixels[target.offset + pixel] = Math.floor(Math.min(1, Math.max(0, light)) * 255 + 0.5);
  }
}

/** Nearly normal noise: four bytes of one random word, summed and centred. */
function drawFourBytes(random: Random): number {
  const word = random.nextUint32();
  return (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24) - FOUR_BYTES_MEAN;
}

/** Passes of the kernel [side, 1 − 2·side, side] along both axes; pixels beyond the border count as no ink. */
function blurImage(image: Float64Array, side: number): Float64Array {
  let current = image;
  for (let pass = 0; pass < LIMITS.blurPasses; pass++) {
    current = blurAlong(current, { side, strideToNext: 1 });
    current = blurAlong(current, { side, strideToNext: IMAGE_SIZE_PX });
  }
  return current;
}

function blurAlong(
  image: Float64Array,
  { side, strideToNext }: { readonly side: number; readonly strideToNext: number },
): Float64Array {
  const blurred = new Float64Array(image.length);
  const last = IMAGE_SIZE_PX - 1;
  for (let pixel = 0; pixel < image.length; pixel++) {
    const place = strideToNext === 1 ? pixel % IMAGE_SIZE_PX : Math.floor(pixel / IMAGE_SIZE_PX);
    const before = place > 0 ? (image[pixel - strideToNext] as number) : 0;
    const after = place < last ? (image[pixel + strideToNext] as number) : 0;
    blurred[pixel] = (1 - 2 * side) * (image[pixel] as number) + side * (before + after);
  }
  return blurred;
}
