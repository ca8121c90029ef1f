/** Either a value or the reason why there is none. */
export type PercentileResult =
  | { readonly available: true; readonly value: number }
  | { readonly available: false; readonly reason: string };

/**
 * Smallest number of samples from which a percentile is reported. p99 from 500: a one-sided 99 % bound
 * exists from 459 (exact binomial, `loadgen/early_stopping.cc` of mlcommons/inference), a two-sided 95 %
 * order-statistic interval from 368. p99.9 from 5000: the same bounds need 4603 and 3688. p90 from 44: a one-sided 99 % bound.
 */
export const minimumSamples: readonly { readonly from: number; readonly samples: number }[] = [
  { from: 0.999, samples: 5000 },
  { from: 0.99, samples: 500 },
  { from: 0.9, samples: 44 },
];

/**
 * The p-quantile by nearest rank: the smallest sample that at least p·n samples do not exceed, no
 * interpolation. `sorted` ascending, p in (0, 1]; same unit as the samples. Unavailable, with the reason
 * `n-too-small: 120 of 500`, under the minimum for that p.
 */
export function percentile(sorted: ArrayLike<number>, p: number): PercentileResult {
  const needed = samplesNeeded(p);
  if (sorted.length < needed) {
    return { available: false, reason: `n-too-small: ${sorted.length} of ${needed}` };
  }
  return { available: true, value: sorted[nearestRank(sorted.length, p) - 1]! };
}

/** Samples that the policy asks for before it reports the p-quantile; at least 1. */
export function samplesNeeded(p: number): number {
  return minimumSamples.find((rule) => p >= rule.from)?.samples ?? 1;
}

/** 1-based rank of the p-quantile among n samples: ceil(p·n), at least 1. A product that floating point puts a hair above an integer counts as that integer. */
export function nearestRank(n: number, p: number): number {
  return Math.min(n, Math.max(1, Math.ceil(p * n - 1e-9)));
}
