import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';
import { deviceViewSchema } from '../api/views/device-view.ts';
import { type JobView, type RunDetail, runDetailSchema } from '../api/views/run-view.ts';
import type { ApiClient } from './api-client.ts';
import type { CliContext } from './cli-context.ts';
import { createPatience } from './create-patience.ts';
import { cleanText } from './output/clean-text.ts';
import { createProgress, type Progress } from './output/progress.ts';

/** The run is asked for again at most this often, milliseconds, however many events come. */
const refreshMs = 300;

/** Waits until a run is final, showing each job as it ends and where the others are. Leaving (Ctrl-C) leaves the run to the coordinator. */
export async function followRun(context: CliContext, client: ApiClient, id: string): Promise<RunDetail> {
  const progress = createProgress(context);
  const patience = createPatience(context, progress);
  const names = await nameDevices(client);
  const told = new Set<string>();
  let askedAtMs = Number.NEGATIVE_INFINITY;
  try {
    for await (const event of client.events(`run:${id}`, patience)) {
      const isPassing = event.kind === 'job.progress' && performance.now() - askedAtMs < refreshMs;
      if (isPassing) continue;
      askedAtMs = performance.now();
      const run = await client.getPatiently(`/v1/runs/${id}`, runDetailSchema, patience);
      show(run, { names, told, progress });
      if (run.state !== 'running') return run;
    }
  } finally {
    progress.end();
  }
  throw new QfleetError('cancelled', `Left; the run ${id} goes on.`, {
    hint: `Come back to it: ./qfleet run watch ${id}, or stop it: ./qfleet run cancel ${id}`,
  });
}

/** Throws where a run ended without all its results: `some-devices-failed` (exit 5), or `cancelled`, or `crashed`'s kin. */
export function requireCompleted(run: RunDetail): void {
  if (run.state === 'completed') return;
  const reason = run.reason || 'see `./qfleet run show`';
  if (run.state === 'cancelled') throw new QfleetError('cancelled', `The run was cancelled: ${reason}`);
  throw new QfleetError('some-devices-failed', reason, {
    hint: `./qfleet run show ${run.id} lists every job with its reason.`,
  });
}

async function nameDevices(client: ApiClient): Promise<ReadonlyMap<string, string>> {
  const { devices } = await client.get('/v1/devices', z.object({ devices: z.array(deviceViewSchema) }));
  return new Map(devices.map(({ id, name }) => [id, name]));
}

interface Screen {
  readonly names: ReadonlyMap<string, string>;
  /** Jobs whose end was shown, and failed attempts that were. */
  readonly told: Set<string>;
  readonly progress: Progress;
}

function show(run: RunDetail, { names, told, progress }: Screen): void {
  const nameOf = (job: JobView): string => names.get(job.deviceId) ?? job.deviceId;
  for (const job of run.jobs) {
    tellRetry(job, nameOf(job), { told, progress });
    if (job.state === 'queued' || job.state === 'leased' || told.has(job.id)) continue;
    told.add(job.id);
    progress.note(cleanText(`  ${nameOf(job)}: ${job.kind} ${job.subject}: ${describeEnd(job)}`));
  }
  const ended = run.jobs.filter((job) => told.has(job.id)).length;
  const working = run.jobs.filter((job) => job.state === 'leased');
  const partial = working.reduce((sum, job) => sum + (job.progress?.fraction ?? 0), 0);
  const current = working.map((job) => `${nameOf(job)}: ${job.kind} ${job.progress?.step ?? ''}`.trim());
  const text = `${ended} of ${run.jobs.length} jobs${current.length > 0 ? ` · ${current.join(' · ')}` : ''}`;
  if (run.state === 'running')
    progress.update(cleanText(text), (ended + partial) / Math.max(1, run.jobs.length));
}

/** A job that goes back to the queue after a failure may stay there for a while: why is told once per attempt. */
function tellRetry(job: JobView, name: string, { told, progress }: Pick<Screen, 'told' | 'progress'>): void {
  const key = `${job.id} after ${job.attempts}`;
  if (job.state !== 'queued' || !job.failure || told.has(key)) return;
  told.add(key);
  const { class: failureClass, message } = job.failure;
  progress.note(
    cleanText(
      `  ${name}: ${job.kind}: attempt ${job.attempts} failed, another follows: ${failureClass}: ${message}`,
    ),
  );
}

function describeEnd(job: JobView): string {
  if (!job.failure) return job.state;
  const hint = job.failure.hint ? ` (${job.failure.hint})` : '';
  return `${job.state}: ${job.failure.class}: ${job.failure.message}${hint}`;
}
