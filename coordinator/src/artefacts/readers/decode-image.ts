import sharp, { type Sharp } from 'sharp';
import { refused } from '../refused.ts';
import { imageFormatOf, supportedImageFormats } from './image-format.ts';

export interface DecodedImage {
  /** uint8 [height, width, channels]. */
  readonly bytes: Buffer;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

export interface DecodeOptions {
  readonly name: string;
  readonly maxPixels: number;
  readonly resize?: { readonly width: number; readonly height: number } | undefined;
}

/**
 * An image file as uint8 [height, width, 3] in sRGB, or [height, width, 1] where the file is gray. EXIF
 * rotation is applied, transparency laid over black, 16 bits reduced to 8. `resize` covers the target
 * (shape kept, middle cut out, lanczos3), as is usual for ImageNet. Throws `refused` with the name.
 */
export async function decodeImage(file: Buffer, options: DecodeOptions): Promise<DecodedImage> {
  if (imageFormatOf(file) === undefined) {
    throw refused(
      `${options.name} is no image of a supported format (${supportedImageFormats}).`,
      'Convert or remove that file.',
    );
  }
  const input = { limitInputPixels: options.maxPixels, failOn: 'error' } as const;
  try {
    const { space } = await sharp(file, input).metadata();
    const isGray = space === 'b-w' || space === 'grey16';
    const { data, info } = await resized(sharp(file, input).autoOrient().flatten(), options)
      .toColourspace(isGray ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { bytes: data, height: info.height, width: info.width, channels: isGray ? 1 : 3 };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refused(
      `${options.name} cannot be decoded: ${why}`,
      'Repair or remove that file, then import again.',
      error,
    );
  }
}

function resized(image: Sharp, { resize }: DecodeOptions): Sharp {
  return resize ? image.resize(resize.width, resize.height, { fit: 'cover', kernel: 'lanczos3' }) : image;
}
