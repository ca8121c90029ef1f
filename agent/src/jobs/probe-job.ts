import { freemem } from 'node:os';
import type { ProbeJob__Output } from '@qfleet/shared/gen/qfleet/v1/ProbeJob.ts';
import type { ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import type { JobContext } from './job-context.ts';

/** Measures the device itself, under the host's lock. Memory for bandwidth arrays: the job's bound, or a quarter of what is available. */
export async function runProbeJob(job: ProbeJob__Output, context: JobContext): Promise<ProbeFacts> {
  await using _lock = await context.lockHost();
  return await context.runProbes({
    maxMemoryBytes: job.maxMemoryBytes || Math.floor(freemem() / 4),
    emulated: context.isEmulated,
    onProgress: (step, fraction) => context.onProgress(step, fraction),
    signal: context.signal,
  });
}
