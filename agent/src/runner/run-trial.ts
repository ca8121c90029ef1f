import { keepsBound } from '@qfleet/shared/loadgen/early-stopping.ts';
import type { RateTrial } from '@qfleet/shared/result/job-result.ts';
import { createBreather } from './breathe.ts';
import { inferencesPerQuery } from './inferences-per-query.ts';
import type { LoadTarget } from './load-pattern.ts';
import type { TrialPlan } from './plan-trial.ts';
import type { OfferedLoad } from './protocol.ts';

export interface Trial extends RateTrial {
  readonly latenciesNs: Float64Array;
}

export interface TrialOptions extends TrialPlan {
  readonly ratePerSec: number;
  /** When queries come, nanoseconds after the trial's start, ascending; one for each query of the plan. */
  readonly arrivalsNs: Float64Array;
  /** Whether the trial may end as soon as it is decided; its latencies are then those of a part. */
  readonly endsEarly: boolean;
  /** 0: none. */
  readonly maxDurationMs: number;
}

/**
 * One rate, offered to one server that answers in order of arrival. A latency counts from the scheduled arrival to
 * the answer, however late the query could be started. Ends early once no outcome of the queries still to come could
 * change the result, at the maximum duration, or when stopped.
 */
export async function runTrial(target: LoadTarget, load: OfferedLoad, options: TrialOptions): Promise<Trial> {
  const { clock } = target;
  const { arrivalsNs, queries, ratePerSec } = options;
  const perQuery = inferencesPerQuery(load, target);
  const maxNs = options.maxDurationMs > 0 ? options.maxDurationMs * 1e6 : Number.POSITIVE_INFINITY;
  const breathe = createBreather(clock);
  const latencies = new Float64Array(queries).fill(0);
  let [count, overBound, inferences] = [0, 0, 0];
  const start = clock.nowNs();
  let end = start;
  while (count < queries && end - start < maxNs && !target.isStopped()) {
    if (options.endsEarly && isDecided({ count, overBound }, options)) break;
    const arrival = start + arrivalsNs[count]!;
    await clock.waitUntil(arrival);
    for (let i = 0; i < perQuery; i++) await target.infer(inferences++);
    end = clock.nowNs();
    latencies[count++] = end - arrival;
    if (end - arrival > load.latencyBoundNs) overBound++;
    await breathe(end);
  }
  return {
    ratePerSec,
    queries: count,
    overBound,
    passed: keepsBound({ queries: count, overBound, percentile: load.percentile }),
    latenciesNs: latencies.slice(0, count),
  };
}

/** Whether the planned test has failed already, or passes even if all queries still to come are late. */
export function isDecided(
  soFar: { readonly count: number; readonly overBound: number },
  { queries, allowedOverBound }: TrialPlan,
): boolean {
  const toCome = queries - soFar.count;
  return soFar.overBound > allowedOverBound || soFar.overBound + toCome <= allowedOverBound;
}
