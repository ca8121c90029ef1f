import sharp from 'sharp';
import type { ImageTarget } from './fit-items.ts';

/** A raw uint8 [height, width, 1 or 3] image, RGB where it has colours. */
export interface RawImage {
  readonly bytes: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

/** How an image is brought to another size and colouring, in words that identify the method. */
export function describeConversion(target: ImageTarget): string {
  return `${target.width}x${target.height} ${target.channels}, cover, lanczos3`;
}

/**
 * A raw image in another size and colouring: scaled so that it covers the target with its shape kept, the
 * middle cut out, lanczos3, as is usual for ImageNet; gray becomes colour by repeating its value, colour
 * becomes gray as libvips does (`b-w`, from sRGB by luminance).
 */
export async function convertImage(image: RawImage, target: ImageTarget): Promise<Buffer> {
  const { height, width, channels } = image;
  let pixels = Buffer.from(image.bytes.buffer, image.bytes.byteOffset, image.bytes.length);
  const isSameSize = height === target.height && width === target.width;
  const toGray = channels === 3 && target.channels === 'gray';
  if (!isSameSize || toGray) {
    const input = sharp(pixels, { raw: { width, height, channels } });
    const sized = isSameSize
      ? input
      : input.resize(target.width, target.height, { fit: 'cover', kernel: 'lanczos3' });
    const space = channels === 1 || toGray ? 'b-w' : 'srgb';
    pixels = await sized.toColourspace(space).raw({ depth: 'uchar' }).toBuffer();
  }
  return channels === 1 && target.channels === 'RGB' ? repeatGray(pixels) : pixels;
}

/** Each gray value three times. */
export function repeatGray(gray: Uint8Array): Buffer<ArrayBuffer> {
  const result = Buffer.allocUnsafeSlow(gray.length * 3);
  for (let i = 0; i < gray.length; i++) result.fill(gray[i]!, 3 * i, 3 * i + 3);
  return result;
}
