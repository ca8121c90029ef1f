/** Image formats that are decoded. Others that libvips knows (SVG, PDF, …) are programs rather than pixels, and stay out. */
const formats: readonly { readonly name: string; readonly matches: (head: Buffer) => boolean }[] = [
  { name: 'jpeg', matches: (head) => head.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff])) },
  { name: 'png', matches: (head) => head.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47])) },
  { name: 'gif', matches: (head) => /^GIF8[79]a/.test(head.toString('latin1', 0, 6)) },
  { name: 'webp', matches: (head) => /^RIFF....WEBP/s.test(head.toString('latin1', 0, 12)) },
  { name: 'tiff', matches: (head) => /^(II\*\0|MM\0\*)/.test(head.toString('latin1', 0, 4)) },
  { name: 'avif', matches: (head) => /^....ftypavi[fs]/s.test(head.toString('latin1', 0, 12)) },
];

/** Format of an image by its first bytes, or undefined. */
export function imageFormatOf(head: Buffer): string | undefined {
  return formats.find((format) => format.matches(head))?.name;
}

/** Whether a file's name says that it is an image, a supported one or not. */
export function hasImageName(name: string): boolean {
  return /\.(jpe?g|png|gif|webp|tiff?|avif|bmp|ppm|pgm|heic|jp2|svg)$/i.test(name);
}

export const supportedImageFormats = formats.map((format) => format.name).join(', ');
