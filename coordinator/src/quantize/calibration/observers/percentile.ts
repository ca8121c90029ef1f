import assert from 'node:assert/strict';
import type { Observer } from './observer.ts';
import { type Histogram, readHistogram } from './read-histogram.ts';

/**
 * Cuts the tails beyond a percentile off, each side by itself; the range ends at the edge of the bin that holds it.
 * `CalibPercentile` of onnxruntime.quantization divides what it cuts between the sides: its 99.98 is 99.99 here.
 */
export const percentile: Observer = {
  method: 'percentile',
  description: 'without the tails beyond a percentile (99.999)',
  needsHistogram: true,
  chooseRange(statistics, _format, spec) {
    assert(spec.method === 'percentile');
    const histogram = readHistogram(statistics);
    if (!histogram) return { low: statistics.low, high: statistics.high };
    const tail = (1 - spec.percentile / 100) * histogram.total;
    return {
      low: histogram.low + binsWithin(histogram, tail, 'low') * histogram.binWidth,
      high: histogram.high - binsWithin(histogram, tail, 'high') * histogram.binWidth,
    };
  },
};

/** How many bins from one end hold at most so many values together. */
function binsWithin({ counts }: Histogram, most: number, end: 'low' | 'high'): number {
  let seen = 0;
  for (let bins = 0; bins < counts.length; bins++) {
    seen += counts[end === 'low' ? bins : counts.length - 1 - bins]!;
    if (seen > most) return bins;
  }
  return 0;
}
