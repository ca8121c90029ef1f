import type { Logger } from '@qfleet/shared/logger.ts';
import type { Store } from '../store/store.ts';

/** Events say how something is going; what came of it is in runs, jobs and tasks. So many are kept, and for so long. */
const limits = { keep: 200_000, maxAgeMs: 30 * 24 * 3_600_000, atMost: 2000 };
const intervalMs = 3_600_000;
/** Between two pieces others have their turn. */
const pauseMs = 20;

/** Removes old events at the start and once an hour, in pieces, until disposed. */
export function keepEventsShort(store: Pick<Store, 'pruneEvents'>, logger: Logger): AsyncDisposable {
  let timer: NodeJS.Timeout;
  let isOver = false;
  let working = Promise.resolve();
  const prune = async (): Promise<void> => {
    try {
      const removed = await store.pruneEvents(limits);
      schedule(removed === limits.atMost ? pauseMs : intervalMs);
    } catch (thrown) {
      logger.warn({ err: thrown }, 'Old events could not be removed; they are looked at again in an hour.');
      schedule(intervalMs);
    }
  };
  const schedule = (afterMs: number): void => {
    if (isOver) return;
    timer = setTimeout(() => {
      working = prune();
    }, afterMs).unref();
  };
  schedule(0);
  return {
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      clearTimeout(timer);
      await working;
    },
  };
}
