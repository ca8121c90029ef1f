import type { Interval } from '@qfleet/shared/statistics/interval.ts';
import { mean } from '@qfleet/shared/statistics/mean.ts';
import { pairedT } from '@qfleet/shared/statistics/paired-t.ts';

export interface PairedRatio {
  /** Geometric mean of the pairs' ratios. */
  readonly value: number;
  /** Absent under two pairs. */
  readonly interval?: Interval;
  readonly n: number;
}

/** One quantity over another, entry i of both being of pair i, all > 0: Student's t on the logarithms of the ratios. */
export function pairedRatio(of: readonly number[], over: readonly number[]): PairedRatio {
  const logs = of.map((value, i) => Math.log(value / over[i]!));
  const n = logs.length;
  if (n < 2) return { value: Math.exp(mean(logs)), n };
  const { mean: centre, interval } = pairedT(logs);
  const { low, high } = interval;
  return {
    value: Math.exp(centre),
    interval: { low: Math.exp(low), high: Math.exp(high), method: 'paired-t-log' },
    n,
  };
}
