import { inverseIncompleteBeta } from './incomplete-beta.ts';
import { defaultConfidence, type Interval } from './interval.ts';

/**
 * Exact interval of a proportion, 0…1, from `successes` of `n` (Clopper and Pearson, Biometrika 26, 1934):
 * never covers less than it says. For rare events, such as flips.
 */
export function clopperPearson(successes: number, n: number, confidence = defaultConfidence): Interval {
  const tail = (1 - confidence) / 2;
  const low = successes === 0 ? 0 : inverseIncompleteBeta(tail, successes, n - successes + 1);
  const high = successes === n ? 1 : inverseIncompleteBeta(1 - tail, successes + 1, n - successes);
  return { low, high, method: 'clopper-pearson' };
}
