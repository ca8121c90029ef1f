import type { Store } from '../store/store.ts';

/**
 * When the oldest work began that may refer to blobs only at its end: an unfinished task's creation, else now.
 * Milliseconds since 1970.
 */
export async function oldestWorkMs(store: Pick<Store, 'listTasks'>, nowMs: number): Promise<number> {
  const unfinished = [...(await store.listTasks('queued')), ...(await store.listTasks('running'))];
  return Math.min(nowMs, ...unfinished.map(({ createdAtMs }) => createdAtMs));
}
