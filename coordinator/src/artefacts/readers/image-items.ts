import { basename, posix } from 'node:path';
import { resizeImage } from '../images/convert-image.ts';
import { decodeImage } from '../images/decode-image.ts';
import { mapInOrder } from '../map-in-order.ts';
import { refused } from '../refused.ts';

import type { RawItem, ReadOptions } from './item-reader.ts';
import { type LabelTable, readLabelTable } from './labels-csv.ts';

/** A packed image and its path in the folder or archive, with `/`. */
export interface ImageFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Images decoded in order, several at a time, with their label from the CSV file or the folder they lie in. */
export async function* imageItems(
  files: AsyncIterable<ImageFile>,
  options: ReadOptions,
): AsyncGenerator<RawItem> {
  const table = options.labelsCsv === undefined ? undefined : await readLabelTable(options.labelsCsv);
  const toItem = (file: ImageFile) => decodeItem(file, table, options);
  yield* mapInOrder(files, options.parallelism, toItem);
  const unused = table?.unusedRows() ?? 0;
  if (unused > 0)
    options.note(`${basename(options.labelsCsv!)}: ${unused} rows name no image of the dataset.`);
}

/** Throws `refused` for a path that would leave the dataset, though none is ever written to disk. */
export function checkEntryName(name: string): void {
  const isUnsafe = name.startsWith('/') || /^[A-Za-z]:/.test(name) || /(^|[/\\])\.\.([/\\]|$)/.test(name);
  if (!isUnsafe && !name.includes('\0')) return;
  throw refused(
    `The archive has an entry named ${JSON.stringify(name)}; absolute paths and ".." are not taken.`,
    'Pack the archive again from inside its folder: tar -cf data.tar FOLDER',
  );
}

async function decodeItem(
  file: ImageFile,
  table: LabelTable | undefined,
  options: ReadOptions,
): Promise<RawItem> {
  const { name } = file;
  const label = table?.labelOf(name);
  const { maxPixels } = options.limits;
  const decoded = await decodeImage(file.bytes, { name, maxPixels });
  const image = options.resize
    ? resizeImage(decoded, { ...options.resize, resize: 'cover', filter: 'bilinear' })
    : decoded;
  const folder = posix.dirname(name);
  return {
    bytes: image.bytes,
    elementType: 'uint8',
    shape: [image.height, image.width, image.channels],
    channels: image.channels === 1 ? 'gray' : 'RGB',
    name,
    ...(options.resize ? {} : { file: file.bytes }),
    ...(label === undefined ? { classFolder: folder === '.' ? '' : posix.basename(folder) } : { label }),
  };
}
