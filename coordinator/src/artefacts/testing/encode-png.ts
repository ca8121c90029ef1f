import sharp from 'sharp';

/** A PNG of one colour; gray where one value is given, with transparency where four are. */
export async function encodePng(width: number, height: number, pixel: readonly number[]): Promise<Buffer> {
  const channels = pixel.length as 1 | 3 | 4;
  const pixels = Buffer.alloc(width * height * channels, Buffer.from(pixel));
  const image = sharp(pixels, { raw: { width, height, channels } });
  return channels === 1 ? image.toColourspace('b-w').png().toBuffer() : image.png().toBuffer();
}
