import { binomialCumulative } from './binomial.ts';
import { defaultConfidence, type Interval } from './interval.ts';

/** Ranks, 1-based, whose samples bound a quantile. */
export interface RankInterval {
  readonly lowRank: number;
  readonly highRank: number;
  /** What the two ranks cover exactly, ≥ the confidence asked for. */
  readonly coverage: number;
}

/**
 * Distribution-free interval of the p-quantile from independent samples, sorted ascending: two order
 * statistics whose ranks come from the exact binomial distribution (David and Nagaraja, Order Statistics,
 * 2003, §7.1). Undefined where n is too small for one to exist. Only for samples of one launch: it takes
 * them for independent, and knows nothing of how launches differ.
 */
export function orderStatisticInterval(
  sorted: ArrayLike<number>,
  p: number,
  confidence = defaultConfidence,
): Interval | undefined {
  const ranks = orderStatisticRanks(sorted.length, p, confidence);
  if (!ranks) return undefined;
  return { low: sorted[ranks.lowRank - 1]!, high: sorted[ranks.highRank - 1]!, method: 'order-statistics' };
}

/**
 * The ranks of that interval: each tail at most (1 − confidence)/2. P(x₍low₎ ≤ q ≤ x₍high₎) =
 * P(low ≤ B ≤ high − 1), where B ~ Binomial(n, p) counts the samples below the quantile.
 */
export function orderStatisticRanks(
  n: number,
  p: number,
  confidence = defaultConfidence,
): RankInterval | undefined {
  const tail = (1 - confidence) / 2;
  const lowRank = firstRank(n, (rank) => binomialCumulative(rank - 1, n, p) > tail) - 1;
  const highRank = firstRank(n, (rank) => 1 - binomialCumulative(rank - 1, n, p) <= tail);
  if (lowRank < 1 || highRank > n) return undefined;
  const coverage = binomialCumulative(highRank - 1, n, p) - binomialCumulative(lowRank - 1, n, p);
  return { lowRank, highRank, coverage };
}

/** The smallest rank in 1…n that satisfies a monotone condition, n + 1 where none does; 1 where the first does. */
function firstRank(n: number, holds: (rank: number) => boolean): number {
  let low = 1;
  let high = n + 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
