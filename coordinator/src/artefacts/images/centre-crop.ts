import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';
import type { Pixels, Size } from './resample.ts';

/**
 * The middle of an image; where the image is smaller it lies in the middle of black. Half pixels go to the
 * even side, as torchvision's `CenterCrop` does it (Python's `round`).
 */
export function centreCrop(image: Pixels, to: Size): Pixels {
  const { height, width, channels, bytes } = image;
  if (height === to.height && width === to.width) return image;
  const top = offset(height, to.height);
  const left = offset(width, to.width);
  const result = new Uint8Array(to.height * to.width * channels);
  const firstColumn = Math.max(left, 0);
  const columns = Math.min(width, left + to.width) - firstColumn;
  for (let y = Math.max(-top, 0); y < to.height && y + top < height; y++) {
    const from = ((y + top) * width + firstColumn) * channels;
    result.set(
      bytes.subarray(from, from + columns * channels),
      (y * to.width + firstColumn - left) * channels,
    );
  }
  return { bytes: result, ...to, channels };
}

/** First pixel of the crop; negative is the width of the border. torchvision pads first, by half rounded down. */
function offset(from: number, to: number): number {
  return from < to ? -Math.floor((to - from) / 2) : roundHalfEven((from - to) / 2);
}
