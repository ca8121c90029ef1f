import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { arrayItems, checkArray } from './array-items.ts';
import { ByteCursor } from './byte-cursor.ts';
import type { DatasetReader, OpenedDataset, ReadOptions } from './item-reader.ts';
import { npyMagic, readNpyHeader } from './npy-header.ts';
import { openBytes } from './open-bytes.ts';
import { readLabelsArray } from './read-labels-array.ts';

/** `x.npy`, `images.npy`, `glyphs.images.npy`; the labels lie beside it as `y.npy`, `labels.npy`, `glyphs.labels.npy`. */
const imagesName = /^(|.*[._-])(x|images|data)\.npy$/;

/** NumPy's .npy, alone or with its labels beside it, or a folder with one such pair. */
export const npyReader: DatasetReader = {
  id: 'npy',
  describes: '.npy (images.npy with labels.npy beside it, or x.npy with y.npy)',
  accepts: (source) =>
    source.kind === 'file'
      ? source.head.subarray(0, 6).equals(npyMagic) && !source.gzip
      : source.names.filter((name) => imagesName.test(name)).length === 1,
  open: (source, options) => {
    if (source.kind === 'file') return openNpy(dirname(source.path), source.baseName, options);
    return openNpy(source.path, source.names.find((name) => imagesName.test(name))!, options);
  },
};

async function openNpy(folder: string, name: string, options: ReadOptions): Promise<OpenedDataset> {
  const labelsName = findLabels(folder, name);
  const labels = labelsName === undefined ? undefined : await readLabels(folder, labelsName, options);
  if (labelsName !== undefined) options.note(`Labels are taken from ${labelsName}.`);
  const cursor = new ByteCursor(openBytes(join(folder, name), name, false), name);
  const header = await readNpyHeader(cursor, name);
  checkArray(header, labels, name, options);
  return {
    source: `npy: ${name}${labelsName === undefined ? '' : `, ${labelsName}`}`,
    expectedCount: header.shape[0],
    items: arrayItems(cursor, header, { what: name, labels }),
  };
}

function findLabels(folder: string, name: string): string | undefined {
  const [, prefix = '', kind] = imagesName.exec(name) ?? [];
  if (kind === undefined) return undefined;
  return ['labels', 'y']
    .map((labels) => `${prefix}${labels}.npy`)
    .find((candidate) => existsSync(join(folder, candidate)));
}

async function readLabels(folder: string, name: string, options: ReadOptions): Promise<number[]> {
  await using cursor = new ByteCursor(openBytes(join(folder, name), name, false), name);
  return readLabelsArray(cursor, await readNpyHeader(cursor, name), name, options.limits.maxItems);
}
