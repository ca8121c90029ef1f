import { refused } from '../refused.ts';
import { arrayItems, checkArray } from './array-items.ts';
import { ByteCursor } from './byte-cursor.ts';
import type { DatasetReader, OpenedDataset, ReadOptions } from './item-reader.ts';
import { readNpyHeader } from './npy-header.ts';
import { readLabelsArray } from './read-labels-array.ts';
import type { SourceFacts } from './sniff-source.ts';
import { openZipEntry, type ZipEntry } from './zip-entries.ts';

const itemNames = ['x', 'images', 'data', 'inputs', 'x_test', 'test_images'];
const labelNames = ['y', 'labels', 'label', 'targets', 'y_test', 'test_labels'];

/** NumPy's .npz with an array of items and, if there is one, of labels. */
export const npzReader: DatasetReader = {
  id: 'npz',
  describes: `.npz (array ${itemNames.join(', ')}; labels ${labelNames.join(', ')})`,
  accepts: (source) =>
    source.kind === 'file' && source.zipEntries?.some((entry) => entry.name.endsWith('.npy')) === true,
  open: openNpz,
};

async function openNpz(source: SourceFacts, options: ReadOptions): Promise<OpenedDataset> {
  const entries = source.kind === 'file' ? (source.zipEntries ?? []) : [];
  const itemsEntry = findArray(entries, itemNames) ?? onlyArray(entries);
  const labelsEntry = findArray(entries, labelNames);
  const labels = labelsEntry && (await readLabels(source.path, labelsEntry, options));
  const cursor = new ByteCursor(openZipEntry(source.path, itemsEntry), itemsEntry.name);
  const header = await readNpyHeader(cursor, itemsEntry.name);
  checkArray(header, labels, itemsEntry.name, options);
  return {
    source: `npz: ${source.baseName} (${[itemsEntry, labelsEntry].flatMap((entry) => entry?.name ?? []).join(', ')})`,
    expectedCount: header.shape[0],
    items: arrayItems(cursor, header, { what: itemsEntry.name, labels }),
  };
}

function findArray(entries: readonly ZipEntry[], names: readonly string[]): ZipEntry | undefined {
  const byName = (name: string) => entries.find((entry) => entry.name.toLowerCase() === `${name}.npy`);
  return names.map(byName).find((entry) => entry !== undefined);
}

/** The items of an archive that has one array, whatever its name. */
function onlyArray(entries: readonly ZipEntry[]): ZipEntry {
  const arrays = entries.filter((entry) => entry.name.endsWith('.npy'));
  if (arrays.length === 1) return arrays[0]!;
  throw refused(
    `The archive has arrays ${arrays.map((entry) => entry.name).join(', ')}; expected one of ${itemNames.join(', ')}.`,
    'Save it again with those names: numpy.savez(path, x=images, y=labels)',
  );
}

async function readLabels(path: string, entry: ZipEntry, options: ReadOptions): Promise<number[]> {
  await using cursor = new ByteCursor(openZipEntry(path, entry), entry.name);
  return readLabelsArray(
    cursor,
    await readNpyHeader(cursor, entry.name),
    entry.name,
    options.limits.maxItems,
  );
}
