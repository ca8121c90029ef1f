import type { BlobStore } from '../blobs/blob-store.ts';
import type { Removable } from '../store/removal.ts';
import type { Store } from '../store/store.ts';
import { freeBlobs } from './free-blobs.ts';
import { oldestWorkMs } from './oldest-work.ts';

/**
 * Removes an artefact or a run with the files that nothing else refers to; see `Store.removeArtefact`. Files that
 * devices uploaded go with `gc`, when no result can come any more that refers to them.
 */
export async function removeArtefact(order: {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly what: Removable;
  readonly force: boolean;
}): Promise<{ readonly along: readonly string[]; readonly freedBytes: number }> {
  const { store, blobs, what, force } = order;
  const sinceMs = await oldestWorkMs(store, Date.now());
  const { along, digests } = await store.removeArtefact(what, force);
  return { along, freedBytes: await freeBlobs({ store, blobs, digests, sinceMs }) };
}
