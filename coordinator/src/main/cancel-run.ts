import type { EventBus } from '../fleet/event-bus.ts';
import type { Fleet } from '../fleet/start-fleet.ts';
import type { RunRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

/** Ends a run: queued jobs are dropped, devices at work are told to stop. Throws `failed-precondition` for a run that has ended. */
export async function cancelRun(order: {
  readonly run: RunRecord;
  readonly reason: string;
  readonly store: Store;
  readonly events: EventBus;
  readonly fleet: Pick<Fleet, 'wake'>;
}): Promise<void> {
  const { run, reason, store, events, fleet } = order;
  if (run.state === 'cancelled') return;
  await store.cancelRun(run.id, reason);
  fleet.wake();
  await events.append({
    subject: `run:${run.id}`,
    kind: 'run.finished',
    data: { state: 'cancelled', reason },
  });
}
