import assert from 'node:assert/strict';
import type { TensorStatistics } from '../tensor-statistics.ts';

export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly binWidth: number;
  readonly counts: readonly number[];
  readonly total: number;
}

/** A tensor's histogram over the bins that its values lie in; observers that need one are given one. Undefined where all values were equal. */
export function readHistogram({
  low,
  high,
  histogram,
  histogramRange = { low, high },
}: TensorStatistics): Histogram | undefined {
  assert(histogram, 'this observer needs histograms');
  if (!(high > low)) return undefined;
  const binWidth = (histogramRange.high - histogramRange.low) / histogram.length;
  const first = binWidth > 0 ? Math.floor((low - histogramRange.low) / binWidth) : 0;
  const end = binWidth > 0 ? Math.ceil((high - histogramRange.low) / binWidth) : histogram.length;
  const [from, to] = [clamp(first, histogram.length - 1), Math.max(clamp(end, histogram.length), 1)];
  const counts = from === 0 && to === histogram.length ? histogram : histogram.slice(from, to);
  return {
    low: from === 0 ? histogramRange.low : histogramRange.low + from * binWidth,
    high: to === histogram.length ? histogramRange.high : histogramRange.low + to * binWidth,
    binWidth,
    counts,
    total: counts.reduce((sum, count) => sum + count, 0),
  };
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}
