import type { ProbeJob__Output } from '@qfleet/shared/gen/qfleet/v1/ProbeJob.ts';
import type { ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import type { JobContext } from './job-context.ts';

/** Measures the device itself, under the host's lock and within the job's bound of memory (0: the probe's own). */
export async function runProbeJob(job: ProbeJob__Output, context: JobContext): Promise<ProbeFacts> {
  await using _lock = await context.lockHost();
  return await context.runProbes({
    maxMemoryBytes: job.maxMemoryBytes,
    emulated: context.isEmulated,
    onProgress: (step, fraction) => context.onProgress(step, fraction),
    signal: context.signal,
  });
}
