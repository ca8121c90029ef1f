import { QfleetError } from '@qfleet/shared/errors.ts';
import type { RunEvidence } from '../analysis/evidence.ts';

/**
 * Whether each result answers a job of this run that was given to the device that signed it. Probes may stem from an
 * earlier run, whose jobs a bundle does not hold; how many do. Throws `refused`.
 */
export function checkOwnership({ run, jobs, results }: Pick<RunEvidence, 'run' | 'jobs' | 'results'>): {
  readonly earlierProbes: number;
} {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  let earlierProbes = 0;
  for (const { digest, deviceId, result } of results) {
    const job = byId.get(result.jobId);
    if (!job && result.outcome.kind === 'probe' && result.runId !== run.id) {
      earlierProbes++;
      continue;
    }
    const problem =
      (!job && `answers the job ${result.jobId}, which is not in the bundle`) ||
      (job?.deviceId !== deviceId && `answers a job of ${job?.deviceId}, and was signed by ${deviceId}`) ||
      ((result.runId !== run.id || job?.runId !== run.id) && `is of the run ${result.runId}`) ||
      (!(result.fence >= 1 && result.fence <= (job?.fence ?? 0)) &&
        `is of attempt ${result.fence}, which the job has never had`);
    if (problem) throw new QfleetError('refused', `The result ${digest} ${problem}.`);
  }
  return { earlierProbes };
}
