import type { RawImage } from '../images/convert-image.ts';

/** Edges, gradients and a texture that no filter leaves as it is. */
export function drawPattern(height: number, width: number, channels: 1 | 3 = 3): RawImage {
  const bytes = new Uint8Array(height * width * channels);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) {
        const stripes = ((Math.floor(x / 5) + Math.floor(y / 3)) % 2) * 120;
        bytes[at++] = (x * 7 + y * 13 + c * 101 + ((x * y) % 17) * 9 + stripes) % 256;
      }
  return { bytes, height, width, channels };
}
