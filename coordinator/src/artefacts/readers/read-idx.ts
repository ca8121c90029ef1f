import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { refused } from '../refused.ts';
import { type ArrayHeader, arrayItems, checkArray } from './array-items.ts';
import { arrayTypeOf } from './array-type.ts';
import { ByteCursor } from './byte-cursor.ts';
import type { DatasetReader, OpenedDataset, ReadOptions } from './item-reader.ts';
import { openBytes } from './open-bytes.ts';
import { readLabelsArray } from './read-labels-array.ts';
import type { SourceFacts } from './sniff-source.ts';

const imagesName = /images[-.]idx[34]-ubyte(\.gz)?$/;

/** MNIST's idx format, packed or not: one images file with its labels file beside it, or a folder with one such pair. */
export const idxReader: DatasetReader = {
  id: 'idx',
  describes: 'idx or idx.gz (…images-idx3-ubyte with …labels-idx1-ubyte beside it, or a folder with both)',
  accepts: (source) =>
    source.kind === 'file' ? isIdx(source.head) : source.names.some((name) => imagesName.test(name)),
  open: openIdx,
};

/** Two zero bytes, the element type, the number of dimensions; at least one size must follow. */
function isIdx(head: Buffer): boolean {
  const knownType = [0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e].includes(head[2] ?? 0);
  return head.length >= 8 && head[0] === 0 && head[1] === 0 && knownType && head[3]! >= 1 && head[3]! <= 4;
}

async function openIdx(source: SourceFacts, options: ReadOptions): Promise<OpenedDataset> {
  const folder = source.kind === 'directory' ? source.path : dirname(source.path);
  const name = source.kind === 'directory' ? onlyImagesFile(source.names) : source.baseName;
  const labelsName = await findLabels(folder, name);
  const labels = labelsName === undefined ? undefined : await readLabels(folder, labelsName, options);
  const cursor = openCursor(folder, name);
  const header = await readIdxHeader(cursor, name);
  checkArray(header, labels, name, options);
  return {
    source: `idx: ${name}${labelsName === undefined ? '' : `, ${labelsName}`}`,
    expectedCount: header.shape[0],
    items: arrayItems(cursor, header, { what: name, labels }),
  };
}

function onlyImagesFile(names: readonly string[]): string {
  const found = names.filter((name) => imagesName.test(name));
  if (found.length === 1) return found[0]!;
  throw refused(
    `The folder has ${found.length} image files: ${found.join(', ')}; expected one.`,
    'Name the one to import, its labels file is found by itself.',
  );
}

/** The labels file of an images file, packed or not. */
async function findLabels(folder: string, name: string): Promise<string | undefined> {
  const plain = name.replace(/\.gz$/, '').replace(/images([-.])idx[34]/, 'labels$1idx1');
  if (plain === name.replace(/\.gz$/, '')) return undefined;
  const names = await readdir(folder);
  return [plain, `${plain}.gz`].find((candidate) => names.includes(candidate));
}

async function readLabels(folder: string, name: string, options: ReadOptions): Promise<number[]> {
  await using cursor = openCursor(folder, name);
  return readLabelsArray(cursor, await readIdxHeader(cursor, name), name, options.limits.maxItems);
}

function openCursor(folder: string, name: string): ByteCursor {
  return new ByteCursor(openBytes(join(folder, name), name, name.endsWith('.gz')), name);
}

async function readIdxHeader(cursor: ByteCursor, what: string): Promise<ArrayHeader> {
  const magic = await cursor.take(4);
  if (!isIdx(Buffer.concat([magic, Buffer.alloc(4)])))
    throw refused(`${what} is no idx file: it starts with ${magic.toString('hex')}.`, 'Download it again.');
  if (magic[2] !== 0x08) {
    throw refused(
      `${what} has elements of idx type 0x${magic[2]!.toString(16)}; unsigned bytes (0x08) are supported.`,
      'Save the data as .npz: numpy.savez(path, x=images, y=labels)',
    );
  }
  const sizes = await cursor.take(4 * magic[3]!);
  const shape = Array.from({ length: magic[3]! }, (_, i) => sizes.readUInt32BE(4 * i));
  return { type: arrayTypeOf('|u1', what), shape };
}
