import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BlobStore } from '../../blobs/blob-store.ts';
import { openFileBlobStore } from '../../blobs/file-blob-store.ts';
import { openStore } from '../../store/open-store.ts';
import type { Store } from '../../store/store.ts';
import type { Dataset } from '../artefacts.ts';
import { type ImportRequest, importDataset } from '../import-dataset.ts';

/** A folder for fixtures with a real store and real blobs beside it. */
export interface TestParts extends AsyncDisposable {
  readonly folder: string;
  readonly store: Store;
  readonly blobs: BlobStore;
  /** Writes a fixture; its path. */
  write(name: string, content: Uint8Array | string): Promise<string>;
  /** Imports what lies at a path, with no split unless one is asked for. */
  import(path: string, options?: Partial<ImportRequest>): Promise<Dataset>;
}

export async function openTestParts(): Promise<TestParts> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-artefacts-'));
  const store = await openStore(join(folder, 'state'));
  const blobs = await openFileBlobStore(join(folder, 'blobs'));
  return {
    folder,
    store,
    blobs,
    write: async (name, content) => {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      return path;
    },
    import: (path, options) => importDataset({ path, name: 'data', store, blobs, split: 'none', ...options }),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
