import { centreCrop } from './centre-crop.ts';
import { describeGeometry, type Geometry, sizeBeforeCrop } from './geometry.ts';
import { type Pixels, resample } from './resample.ts';

/** A raw uint8 [height, width, 1 or 3] image, RGB where it has colours. */
export interface RawImage extends Pixels {
  readonly channels: 1 | 3;
}

/** What a model's input wants of an image. */
export interface ImageTarget extends Geometry {
  /** Stored colours are always RGB: where a model wants BGR, the runner reverses them. */
  readonly channels: 'RGB' | 'gray';
}

/** How an image is brought to another size and colouring, in words that identify the method. */
export function describeConversion(target: ImageTarget): string {
  return `${describeGeometry(target)}, ${target.channels}`;
}

/**
 * A raw image in another size and colouring. An image of the target's size is not resampled. Gray becomes
 * colour by repeating its value, colour becomes gray as Pillow's `convert('L')` does it (ITU-R 601-2 luma).
 */
export function convertImage(image: RawImage, target: ImageTarget): Uint8Array {
  const coloured = target.channels === 'gray' ? toGray(image) : image;
  const sized = resizeImage(coloured, target).bytes;
  return coloured.channels === 1 && target.channels === 'RGB' ? repeatGray(sized) : sized;
}

/** An image in another size, its colours as they are. */
export function resizeImage(image: Pixels, to: Geometry): Pixels {
  if (image.height === to.height && image.width === to.width) return image;
  return centreCrop(resample(image, sizeBeforeCrop(image, to), to.filter), to);
}

/** Each gray value three times. */
export function repeatGray(gray: Uint8Array): Buffer<ArrayBuffer> {
  const result = Buffer.allocUnsafeSlow(gray.length * 3);
  for (let i = 0; i < gray.length; i++) result.fill(gray[i]!, 3 * i, 3 * i + 3);
  return result;
}

/** Pillow, Convert.c: (R·19595 + G·38470 + B·7471 + 2^15) / 2^16. */
function toGray(image: RawImage): RawImage {
  if (image.channels === 1) return image;
  const gray = new Uint8Array(image.height * image.width);
  const { bytes } = image;
  for (let i = 0, at = 0; i < gray.length; i++, at += 3)
    gray[i] = (bytes[at]! * 19595 + bytes[at + 1]! * 38470 + bytes[at + 2]! * 7471 + 0x8000) >> 16;
  return { ...image, bytes: gray, channels: 1 };
}
