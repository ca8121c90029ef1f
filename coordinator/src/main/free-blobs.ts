import { parseDigest } from '@qfleet/shared/digest.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Store } from '../store/store.ts';

/**
 * Removes those of some blobs that nothing refers to any more, at once: their records are gone. What was written or
 * touched since `sinceMs` stays, for it may be wanted again. Returns the bytes that were freed.
 */
export async function freeBlobs(order: {
  readonly store: Pick<Store, 'referencedBlobs'>;
  readonly blobs: BlobStore;
  readonly digests: Iterable<string>;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
}): Promise<number> {
  const { store, blobs, digests, sinceMs } = order;
  const referenced = await store.referencedBlobs();
  let freedBytes = 0;
  for (const text of digests) {
    if (referenced.has(text)) continue;
    const digest = parseDigest(text);
    const sizeBytes = await blobs.stat(digest);
    if (sizeBytes !== undefined && (await blobs.removeUnused(digest, sinceMs))) freedBytes += sizeBytes;
  }
  return freedBytes;
}
