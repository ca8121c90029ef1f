import type { JobRecord, RunRecord } from '../store/records.ts';
import type { FleetContext } from './fleet-context.ts';

/** Tells that a run has reached its final state. */
export async function announceFinishedRun(
  context: Pick<FleetContext, 'events'>,
  run: RunRecord,
): Promise<void> {
  const data = { state: run.state, reason: run.reason };
  await context.events.append({ subject: `run:${run.id}`, kind: 'run.finished', data });
}

/** Tells of jobs that lost their agent: put back into the queue, or failed for good. */
export async function announceLostJobs(
  context: Pick<FleetContext, 'events' | 'logger'>,
  jobs: readonly JobRecord[],
): Promise<void> {
  for (const job of jobs) {
    const facts = { jobId: job.id, deviceId: job.deviceId, kind: job.kind, fence: job.fence };
    context.logger.warn({ ...facts, state: job.state }, 'a job lost its agent');
    const event =
      job.state === 'failed'
        ? { kind: 'job.failed', data: { ...facts, ...job.failure, onFailure: 'final' } }
        : { kind: 'job.requeued', data: facts };
    await context.events.append({ subject: `run:${job.runId}`, ...event });
  }
}
