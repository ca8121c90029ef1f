import type { BlobStore } from '../blobs/blob-store.ts';
import { collectGarbage, defaultGraceMs, type GarbageReport } from '../blobs/collect-garbage.ts';
import type { Store } from '../store/store.ts';

/**
 * `qfleet gc`: finds, and unless it is a dry run removes, blobs that nothing refers to. A task refers to what it stores
 * only at its end, so that nothing goes that came after the oldest unfinished task, however long that takes.
 */
export async function collectUnusedBlobs(order: {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly nowMs: number;
  readonly dryRun: boolean;
}): Promise<GarbageReport> {
  const { store, blobs, nowMs, dryRun } = order;
  const unfinished = [...(await store.listTasks('queued')), ...(await store.listTasks('running'))];
  const oldestMs = Math.min(nowMs, ...unfinished.map(({ createdAtMs }) => createdAtMs));
  const graceMs = defaultGraceMs + (nowMs - oldestMs);
  return collectGarbage({ blobs, referencedBlobs: () => store.referencedBlobs(), nowMs, graceMs, dryRun });
}
