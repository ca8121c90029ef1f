import { incompleteBeta } from '../statistics/incomplete-beta.ts';
import { loadgenPercentileIndex } from './loadgen-percentile.ts';

/** LoadGen's confidence; its tolerance d is 0. */
const confidence = 0.99;

/** What LoadGen's early stopping says of one percentile of a closed loop's latencies. */
export type EarlyStoppingEstimate =
  | { readonly available: true; readonly valueNs: number; readonly discarded: number }
  | { readonly available: false; readonly reason: string };

/**
 * Queries that must stay within the bound so that `overBound` others may exceed it and the percentile still keeps
 * the bound with 99 % confidence: the smallest h with P(X ≤ overBound) ≤ 0.01 for X ~ Binomial(h + overBound,
 * 1 − percentile). `loadgen/early_stopping.cc` of mlcommons/inference. The sum is an incomplete beta function, and h
 * is found by bisection, so that a million queries cost no more than a hundred.
 */
function withinNeeded(overBound: number, percentile: number): number {
  const isEnough = (h: number): boolean => incompleteBeta(percentile, h, overBound + 1) <= 1 - confidence;
  let low = 0;
  let high = 1;
  while (!isEnough(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Queries in all that the test needs where `overBound` of them exceed the bound; `percentile` in (0, 1). */
export function queriesNeeded(overBound: number, percentile: number): number {
  return withinNeeded(overBound, percentile) + overBound;
}

/** LoadGen's test of a server: whether the percentile keeps the bound with 99 % confidence. */
export function keepsBound(trial: {
  readonly queries: number;
  readonly overBound: number;
  readonly percentile: number;
}): boolean {
  // At least a share of 1 − percentile would have to be late before the test can fail, and far from it it cannot.
  return trial.queries >= queriesNeeded(trial.overBound, trial.percentile);
}

/**
 * How many of the slowest queries LoadGen leaves out before it calls the next one its estimate of the percentile;
 * undefined under `queriesNeeded(1, percentile)` queries.
 */
export function discardedQueries(queries: number, percentile: number): number | undefined {
  if (queries < queriesNeeded(1, percentile)) return undefined;
  let fits = 1;
  let exceeds = Math.ceil(queries * (1 - percentile)) + 2;
  while (exceeds - fits > 1) {
    const middle = Math.floor((fits + exceeds) / 2);
    if (queriesNeeded(middle, percentile) <= queries) fits = middle;
    else exceeds = middle;
  }
  return fits - 1;
}

/**
 * LoadGen's early-stopping estimate of a percentile of single-stream or multi-stream latencies: not below the true
 * percentile with 99 % confidence, hence above the plain one. `sortedNs` ascending.
 */
export function estimatePercentile(sortedNs: ArrayLike<number>, percentile: number): EarlyStoppingEstimate {
  const discarded = discardedQueries(sortedNs.length, percentile);
  if (discarded === undefined) {
    const reason = `n-too-small: ${sortedNs.length} of ${queriesNeeded(1, percentile)}`;
    return { available: false, reason };
  }
  return { available: true, valueNs: sortedNs[sortedNs.length - 1 - discarded]!, discarded };
}

/** LoadGen's plain percentile: `sorted[floor(n·p)]`, no interpolation; undefined without values. */
export function plainPercentile(sortedNs: ArrayLike<number>, percentile: number): number | undefined {
  return sortedNs[loadgenPercentileIndex(sortedNs.length, percentile)];
}
