import { importDataset } from '../artefacts/import-dataset.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Store } from '../store/store.ts';
import { addDatasetSchema } from './task-params.ts';
import type { TaskKind } from './task-worker.ts';

/** Reading and storing are each half of the work. */
const stepShare = 0.5;

/** The task kind `import-dataset`: parameters as `POST /v1/datasets`, result {digest, name, notes}. */
export function createImportTask({
  store,
  blobs,
  tempDir,
}: {
  readonly store: Store;
  readonly blobs: BlobStore;
  /** For what is made on the way; the system's by default. */
  readonly tempDir?: string | undefined;
}): TaskKind {
  return {
    kind: 'import-dataset',
    run: async (params, { signal, onProgress }) => {
      const { path, name, split, seed, labelsCsv, classCount, classOrder, resize } =
        addDatasetSchema.parse(params);
      const notes: string[] = [];
      const dataset = await importDataset({
        path,
        name,
        store,
        blobs,
        tempDir,
        split: split === 'none' ? 'none' : { calibration: split.calibration, seed },
        ...(labelsCsv === undefined ? {} : { labelsCsv }),
        ...(classCount === undefined ? {} : { classCount }),
        classOrder,
        ...(resize === undefined ? {} : { resize }),
        onNote: (text) => void notes.push(text),
        onProgress: ({ step, done, total }) => {
          const part = total ? done / total : 0;
          const fraction = step === 'reading' ? part * stepShare : stepShare + part * (1 - stepShare);
          onProgress(`${step} ${done}${total ? ` of ${total}` : ''} items`, fraction);
        },
        signal,
      });
      return { digest: dataset.digest, name: dataset.name, notes };
    },
  };
}
