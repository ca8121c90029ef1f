import { refused } from '../refused.ts';
import type { DatasetReader, OpenedDataset, ReadOptions } from './item-reader.ts';
import { idxReader } from './read-idx.ts';
import { imageArchiveReader } from './read-image-archive.ts';
import { imageFolderReader } from './read-image-folder.ts';
import { npyReader } from './read-npy.ts';
import { npzReader } from './read-npz.ts';
import { sniffSource } from './sniff-source.ts';

/** Asked in this order; the folder of images takes any directory and comes last. */
const readers: readonly DatasetReader[] = [
  npyReader,
  npzReader,
  idxReader,
  imageArchiveReader,
  imageFolderReader,
];

/** Finds the format of a path by its content and opens it; throws `not-found`, and `refused` with the list of what is supported. */
export async function openDataset(path: string, options: ReadOptions): Promise<OpenedDataset> {
  const source = await sniffSource(path);
  const reader = readers.find((candidate) => candidate.accepts(source));
  if (reader) return await reader.open(source, options);
  if (source.kind === 'file' && source.head.toString('latin1').startsWith('version https://git-lfs')) {
    throw refused(
      `${path} is a git-LFS pointer, not the data themselves.`,
      'In the repository it came from, run: git lfs pull',
    );
  }
  throw refused(
    `${path} is no dataset of a known format.`,
    `Supported: ${readers.map((candidate) => candidate.describes).join('; ')}.`,
  );
}
