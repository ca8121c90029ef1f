import { rm } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Dataset } from '../artefacts/artefacts.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { type BlobGarbage, collectGarbage, defaultGraceMs } from '../blobs/collect-garbage.ts';
import type { Store } from '../store/store.ts';
import { findStaleFiles } from './find-stale-files.ts';
import { oldestWorkMs } from './oldest-work.ts';

/** What nothing needs any more: found, and unless it was a dry run removed. */
export interface GarbageReport extends BlobGarbage {
  /** Datasets that runs or calibrations had made for themselves; their bytes are among those of the blobs. */
  readonly derivedDatasets: readonly { readonly name: string; readonly digest: string }[];
  /** Kept statistics and summaries, and what interrupted writes have left; paths within the data folder. */
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** Of blobs and files together. */
  readonly freedBytes: number;
}

/**
 * `qfleet gc`: finds, and unless it is a dry run removes, derived datasets that no run needs, blobs that nothing refers
 * to, and kept statistics and summaries of what is gone. A task refers to what it stores only at its end, so that
 * nothing goes that came after the oldest unfinished task, however long that takes, and no dataset while there is one.
 */
export async function collectUnusedBlobs(order: {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly dataDir: string;
  readonly nowMs: number;
  readonly dryRun: boolean;
}): Promise<GarbageReport> {
  const { store, blobs, dataDir, nowMs, dryRun } = order;
  const workMs = await oldestWorkMs(store, nowMs);
  const derived = workMs < nowMs ? [] : await store.listUnusedDerivedDatasets();
  const digests = new Set(derived.map(({ digest }) => digest));
  const resultDigests = await store.listResultDigests();
  const left = (await store.listDatasets()).filter(({ digest }) => !digests.has(digest));
  const datasetDigests = left.map(({ digest }) => digest);
  if (!dryRun) await store.removeDatasets([...digests]);
  const garbage = await collectGarbage({
    blobs,
    referencedBlobs: () => store.referencedBlobs(digests),
    nowMs,
    graceMs: defaultGraceMs + (nowMs - workMs),
    released: { digests: new Set(derived.flatMap(blobsOf)), sinceMs: workMs },
    dryRun,
  });
  const stale = await findStaleFiles({ dataDir, datasetDigests, resultDigests, nowMs });
  if (!dryRun) for (const { path } of stale) await rm(path, { force: true });
  const fileBytes = stale.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return {
    ...garbage,
    derivedDatasets: derived.map(({ name, digest }) => ({ name, digest })),
    files: stale.map(({ path, sizeBytes }) => ({ path: relative(dataDir, path), sizeBytes })),
    freedBytes: dryRun ? 0 : garbage.removedBytes + fileBytes,
  };
}

function blobsOf(dataset: Dataset): string[] {
  return JSON.stringify(dataset).match(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g) ?? [];
}
