import { defaultConfidence, type Interval } from './interval.ts';
import { normalQuantile } from './normal.ts';

/**
 * Score interval of a proportion, 0…1, from `successes` of `n` (Wilson, JASA 22, 1927): close to its nominal
 * coverage on average for every n and p, and never outside 0…1. Without continuity correction.
 */
export function wilson(successes: number, n: number, confidence = defaultConfidence): Interval {
  if (n === 0) return { low: 0, high: 1, method: 'wilson' };
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const p = successes / n;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === n ? 1 : Math.min(1, centre + half),
    method: 'wilson',
  };
}
