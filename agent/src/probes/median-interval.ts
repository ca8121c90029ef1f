/** A median and its 95 % interval, same unit as the values. */
export interface MedianEstimate {
  readonly median: number;
  /** Absent under six values, for which no such interval exists. */
  readonly interval?: { readonly low: number; readonly high: number; readonly method: string };
}

/**
 * Median with the distribution-free interval between two order statistics: the narrowest symmetric pair of ranks
 * whose exact binomial coverage is at least 95 % (nine values: ranks 2 and 8, 96.1 %). Values must not be empty.
 */
export function estimateMedian(values: readonly number[]): MedianEstimate {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  const cut = outsideRanks(sorted.length);
  if (cut === undefined) return { median };
  const interval = { low: sorted[cut]!, high: sorted[sorted.length - 1 - cut]!, method: 'order-statistics' };
  return { median, interval };
}

/** How many values may be cut off at each end: the largest k with P(Bin(n, ½) ≤ k) ≤ 2.5 %, or undefined. */
function outsideRanks(n: number): number | undefined {
  let probability = 0.5 ** n;
  let cumulated = probability;
  let cut: number | undefined;
  for (let k = 0; cumulated <= 0.025 && k < n; k++) {
    cut = k;
    probability *= (n - k) / (k + 1);
    cumulated += probability;
  }
  return cut;
}
