import type { EvaluateFacts, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import type { JobRecord, RunRecord } from '../store/records.ts';
import type { Cell } from './cell.ts';
import type { JobFacts } from './collect-cells.ts';

/** Launches that came to their end, of whatever form, and a sentence for each that did not. */
interface LaunchCount {
  readonly completed: readonly unknown[];
  readonly failures: readonly string[];
}

/** Why a cell has no launches to compute from, or undefined where it has. */
export function whyNoTiming(
  measure: JobFacts<MeasureFacts> | undefined,
  launches: LaunchCount,
  run: RunRecord,
): string | undefined {
  if (!measure) {
    return run.plan.timing.enabled
      ? 'not-planned: no measure job in this run'
      : 'not-planned: timing is off in the plan';
  }
  if (!measure.facts) return whyUnfinished(measure.job);
  return whyNoLaunches(launches);
}

/** The same for a job that has come to its end. */
export function whyNoLaunches({ completed, failures }: LaunchCount): string | undefined {
  return completed.length > 0 ? undefined : (failures[0] ?? 'no-launches: the job has none of this variant');
}

/** Why a cell has no outputs to compute from, for where it has none. */
export function whyNoEvaluation(evaluation: JobFacts<EvaluateFacts> | undefined, run: RunRecord): string {
  if (evaluation) return whyUnfinished(evaluation.job);
  return run.plan.evaluation
    ? 'not-planned: no evaluate job in this run'
    : 'not-planned: the plan has no evaluation';
}

function whyUnfinished(job: JobRecord): string {
  if (job.failure && job.state !== 'completed') {
    return `job-${job.state}: ${job.failure.class}: ${job.failure.message}`;
  }
  return job.state === 'completed'
    ? 'no-result: the job completed without a usable result'
    : `job-${job.state}`;
}

/** Why a cell's latency cannot be compared with others, or undefined where it can. */
export function whyUntimed({
  cell,
  launches,
}: {
  readonly cell: Pick<Cell, 'readings'>;
  readonly launches: readonly unknown[];
}): string | undefined {
  if (launches.length > 0) return undefined;
  const reading = cell.readings['latency.p50'];
  return reading?.status === 'unavailable' ? reading.reason : 'no-launches';
}
