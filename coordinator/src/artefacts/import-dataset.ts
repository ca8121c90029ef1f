import { availableParallelism } from 'node:os';
import type { Dataset } from './artefacts.ts';
import { defaultImportLimits } from './import-limits.ts';
import type { ReadOptions } from './readers/item-reader.ts';
import { openDataset } from './readers/open-dataset.ts';
import { type StoreDatasetRequest, storeDataset } from './store-dataset.ts';

export interface ImportRequest extends StoreDatasetRequest {
  readonly path: string;
  /** For images of differing sizes. */
  readonly resize?: { readonly width: number; readonly height: number };
  /** Path of a CSV file with `file,label` rows or columns named so, for images. */
  readonly labelsCsv?: string;
}

/**
 * Reads a dataset from disk (.npy, .npz, idx, images in a folder or archive), and stores it as
 * `storeDataset` does. Throws `refused` where the data are not usable, `not-found`, `already-exists` where
 * the name stands for other data, `cancelled`.
 */
export async function importDataset(request: ImportRequest): Promise<Dataset> {
  return await storeDataset(await openDataset(request.path, readOptions(request)), request);
}

function readOptions(request: ImportRequest): ReadOptions {
  return {
    limits: request.limits ?? defaultImportLimits,
    parallelism: availableParallelism(),
    note: request.onNote ?? (() => undefined),
    ...(request.resize ? { resize: request.resize } : {}),
    ...(request.labelsCsv === undefined ? {} : { labelsCsv: request.labelsCsv }),
  };
}
