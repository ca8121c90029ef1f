import sharp from 'sharp';
import { refused } from '../refused.ts';
import type { RawImage } from './convert-image.ts';
import { imageFormatOf, supportedImageFormats } from './image-format.ts';

/**
 * An image file as uint8 [height, width, 3], or [height, width, 1] where the file is gray. EXIF rotation is
 * applied, transparency laid over black, 16 bits reduced to 8, an embedded colour profile left aside, as
 * Pillow leaves it. Throws `refused` with the name.
 */
export async function decodeImage(
  file: Buffer,
  { name, maxPixels }: { readonly name: string; readonly maxPixels: number },
): Promise<RawImage> {
  if (imageFormatOf(file) === undefined) {
    throw refused(
      `${name} is no image of a supported format (${supportedImageFormats}).`,
      'Convert or remove that file.',
    );
  }
  const input = { limitInputPixels: maxPixels, failOn: 'error', ignoreIcc: true } as const;
  try {
    const { space } = await sharp(file, input).metadata();
    const isGray = space === 'b-w' || space === 'grey16';
    const { data, info } = await sharp(file, input)
      .autoOrient()
      .flatten()
      .toColourspace(isGray ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { bytes: data, height: info.height, width: info.width, channels: isGray ? 1 : 3 };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refused(
      `${name} cannot be decoded: ${why}`,
      'Repair or remove that file, then import again.',
      error,
    );
  }
}
