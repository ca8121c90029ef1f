import { keepsBound, queriesNeeded } from '@qfleet/shared/loadgen/early-stopping.ts';
import { maxTimedSamples, type TimingLimits } from './load-pattern.ts';

/** One query may exceed the bound in the shortest trial: with none, a single hiccup of the board would decide it. */
const fewestOverBound = 1;

export interface TrialPlan {
  /** Fixed beforehand: a test that could stop whenever it likes the result would be none. */
  readonly queries: number;
  /** So many of them may exceed the bound. */
  readonly allowedOverBound: number;
}

/**
 * How many queries a trial of a rate takes and how many of them may exceed the bound, by LoadGen's early-stopping
 * test: at least what the minima ask for, and what the test needs where one query is late.
 */
export function planTrial(
  limits: TimingLimits,
  { ratePerSec, percentile }: { readonly ratePerSec: number; readonly percentile: number },
): TrialPlan {
  const byDuration = Math.ceil((ratePerSec * limits.minDurationMs) / 1000);
  const least = Math.max(1, limits.minSamples, queriesNeeded(fewestOverBound, percentile));
  const queries = Math.max(least, Math.min(byDuration, maxTimedSamples));
  return { queries, allowedOverBound: mostOverBound(queries, percentile) };
}

/** The largest number of late queries with which the test passes, by bisection; −1 where it passes with none. */
function mostOverBound(queries: number, percentile: number): number {
  let passing = -1;
  let failing = queries + 1;
  while (failing - passing > 1) {
    const middle = Math.floor((passing + failing) / 2);
    if (keepsBound({ queries, overBound: middle, percentile })) passing = middle;
    else failing = middle;
  }
  return passing;
}
