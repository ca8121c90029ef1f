import type { BlobStore } from '../blobs/blob-store.ts';
import type { Store } from '../store/store.ts';
import type { Dataset } from './artefacts.ts';
import { type DatasetContent, digestDataset } from './digest-dataset.ts';
import { defaultImportLimits, type ImportLimits } from './import-limits.ts';
import { type ImportWatch, reportProgress } from './import-progress.ts';
import type { OpenedDataset } from './readers/item-reader.ts';
import { refused } from './refused.ts';
import { type ClassOptions, type ResolvedClasses, resolveClasses } from './resolve-classes.ts';
import { splitItems } from './split-items.ts';
import { type SpooledItems, spoolItems } from './spool-items.ts';
import { writeSplit } from './write-split.ts';

export interface StoreDatasetRequest extends ImportWatch, ClassOptions {
  readonly name: string;
  readonly store: Store;
  readonly blobs: BlobStore;
  /** So many items for calibration, chosen by the seed, and the rest for evaluation; or all in one. */
  readonly split: { readonly calibration: number; readonly seed: number } | 'none';
  readonly limits?: ImportLimits;
  /** Where the raw items lie until they are divided; the system's temporary folder by default. */
  readonly tempDir?: string | undefined;
  readonly nowMs?: () => number;
}

/**
 * Stores items from any source raw in shards, with labels and item digests, divided as asked, and records
 * the dataset. Throws `refused` where the items are not usable, `already-exists` where the name stands for
 * other data, `cancelled`.
 */
export async function storeDataset(opened: OpenedDataset, request: StoreDatasetRequest): Promise<Dataset> {
  await using read = await spoolItems(opened, request, request.limits ?? defaultImportLimits);
  const classes = resolveClasses(read.classes, request);
  if (!classes && request.classCount !== undefined)
    throw refused('A number of classes was given, but the data have no labels.', 'Leave it out.');
  if (read.encoding === 'image-files')
    request.onNote?.(
      'Images differ in size: they are kept as files and resized as the input contract of each model says.',
    );
  const content = await storeItems(opened.source, read, classes, request);
  // Awaited here, so that a failure is not left alone while the spool is removed.
  return await request.store.addDataset({
    ...content,
    digest: digestDataset(content),
    name: request.name,
    createdAtMs: (request.nowMs ?? Date.now)(),
  });
}

async function storeItems(
  source: string,
  read: SpooledItems,
  classes: ResolvedClasses | undefined,
  request: StoreDatasetRequest,
): Promise<DatasetContent> {
  const total = read.digests.length;
  let done = 0;
  async function* pick(indices: readonly number[]): AsyncGenerator<Uint8Array> {
    for (const index of indices) {
      yield await read.read(index);
      done += 1;
      reportProgress(request, { step: 'storing', done, total });
    }
  }
  const write = (indices: readonly number[]) =>
    writeSplit(
      {
        items: pick(indices),
        encoding: read.encoding,
        itemDigests: indices.map((index) => read.digests[index]!),
        labels: classes && Uint32Array.from(indices, (index) => classes.labels[index]!),
      },
      request.blobs,
    );
  const facts = {
    ...(read.encoding === 'raw' ? {} : { encoding: read.encoding }),
    item: read.item,
    channels: read.channels,
    count: total,
    source,
    ...(classes ? { classes: classes.classes } : {}),
  };
  if (request.split === 'none') return { ...facts, splits: { all: await write([...read.digests.keys()]) } };
  const sides = splitItems({ digests: read.digests, ...request.split });
  if (sides.duplicates > 0)
    request.onNote?.(
      `${sides.duplicates} items have an identical twin; all of them are in the evaluation split.`,
    );
  const calibration = await write(sides.calibration);
  const evaluation = await write(sides.evaluation);
  return { ...facts, splitSeed: request.split.seed, splits: { calibration, evaluation } };
}
