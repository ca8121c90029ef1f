import { chunk } from '../store/chunk.ts';
import type { DeviceSession, HeldJob } from './device-session.ts';
import type { FleetContext } from './fleet-context.ts';

/** Leases that one transaction extends. */
const leasesAtOnce = 50;
/** A lease is extended when this share of it has passed, so that two more chances remain. */
const dueShare = 1 / 3;

/**
 * Extends the leases of jobs that agents have said they hold, many at once and each three times in its life: the
 * heartbeats themselves are noted in memory. An agent that may not go on with its job is told so.
 */
export async function extendLeases(context: FleetContext): Promise<void> {
  const nowMs = context.clock.nowMs();
  const { leaseMs } = context.options;
  const due = context.sessions
    .list()
    .flatMap((session) =>
      session.listUncancelled().flatMap((held) => (isDue(held, nowMs, leaseMs) ? [{ session, held }] : [])),
    );
  for (const some of chunk(due, leasesAtOnce)) await extend(context, some, nowMs);
}

async function extend(
  { store, options }: FleetContext,
  due: readonly { readonly session: DeviceSession; readonly held: HeldJob }[],
  nowMs: number,
): Promise<void> {
  const holds = due.map(({ session, held: { jobId, fence } }) => ({
    jobId,
    fence,
    deviceId: session.device.id,
  }));
  const answers = await store.extendLeases(holds, options.leaseMs);
  for (const [index, { session, held }] of due.entries()) {
    const answer = answers[index];
    if (answer === 'held') held.extendedAtMs = nowMs;
    // Its result may have been committed while the question was under way.
    else if (session.find(held) && !held.isSettling) session.cancel(held, whyNot(answer));
  }
}

/** Why an agent has to stop, in words for its log. */
export function whyNot(answer: 'lost' | 'cancelled' | undefined): string {
  return answer === 'cancelled' ? 'The run was cancelled.' : 'The lease of this attempt has ended.';
}

function isDue({ heardAtMs, extendedAtMs }: HeldJob, nowMs: number, leaseMs: number): boolean {
  return heardAtMs > extendedAtMs && nowMs - extendedAtMs >= leaseMs * dueShare;
}
