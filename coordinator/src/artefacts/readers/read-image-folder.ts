import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readUserFile } from '../../files/open-user-file.ts';
import { hasImageName, supportedImageFormats } from '../images/image-format.ts';
import { refused } from '../refused.ts';
import { type ImageFile, imageItems } from './image-items.ts';
import type { DatasetReader, OpenedDataset, ReadOptions } from './item-reader.ts';
import { byCodeUnits, type SourceFacts } from './sniff-source.ts';

/** A folder of images; a class is a sub-folder. */
export const imageFolderReader: DatasetReader = {
  id: 'image-folder',
  describes: `a folder of images (${supportedImageFormats}), classes by sub-folder or from a CSV file \`file,label\``,
  accepts: (source) => source.kind === 'directory',
  open: openFolder,
};

async function openFolder(source: SourceFacts, options: ReadOptions): Promise<OpenedDataset> {
  const names = await listImages(source.path, options);
  if (names.length === 0) {
    throw refused(
      `The folder ${source.path} holds no images (${supportedImageFormats}).`,
      'Name a folder with images in sub-folders by class, or a .npz, .npy, idx, .tar or .zip file.',
    );
  }
  return {
    source: `image-folder: ${source.baseName}`,
    expectedCount: names.length,
    items: imageItems(readImages(source.path, names, options), options),
  };
}

/** Relative paths with `/`, sorted, so that the order is the same everywhere. */
async function listImages(folder: string, options: ReadOptions): Promise<string[]> {
  const names: string[] = [];
  const skipped = { links: 0, others: 0 };
  const pending = [''];
  while (pending.length > 0) {
    const below = pending.pop()!;
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const name = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isSymbolicLink()) skipped.links += 1;
      else if (entry.isDirectory()) pending.push(name);
      else if (entry.isFile() && hasImageName(name)) names.push(name);
      else skipped.others += 1;
    }
    if (names.length > options.limits.maxItems)
      throw refused(`${folder} holds more than ${options.limits.maxItems} images.`, 'Import a part of it.');
  }
  if (skipped.links > 0) options.note(`${skipped.links} symbolic links were left out.`);
  if (skipped.others > 0) options.note(`${skipped.others} files that are no images were left out.`);
  return names.sort(byCodeUnits);
}

async function* readImages(
  folder: string,
  names: readonly string[],
  { limits }: ReadOptions,
): AsyncGenerator<ImageFile> {
  for (const name of names) {
    yield { name, bytes: await readUserFile(join(folder, name), limits.maxItemBytes) };
  }
}
