import assert from 'node:assert/strict';
import type { TensorStatistics } from '../tensor-statistics.ts';

export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly binWidth: number;
  readonly counts: readonly number[];
  readonly total: number;
}

/** A tensor's histogram; observers that need one are given one. Undefined where all values were equal. */
export function readHistogram({ low, high, histogram }: TensorStatistics): Histogram | undefined {
  assert(histogram, 'this observer needs histograms');
  if (!(high > low)) return undefined;
  const total = histogram.reduce((sum, count) => sum + count, 0);
  return { low, high, binWidth: (high - low) / histogram.length, counts: histogram, total };
}
