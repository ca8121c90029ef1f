import { binomialCumulative } from './binomial.ts';

/**
 * Exact two-sided p-value, 0…1, of McNemar's test (Psychometrika 12, 1947): whether two classifiers on the
 * same inputs err equally often, from the inputs on which exactly one of them is right. 1 where they never differ.
 */
export function mcnemarExact(firstOnly: number, secondOnly: number): number {
  const n = firstOnly + secondOnly;
  if (n === 0) return 1;
  return Math.min(1, 2 * binomialCumulative(Math.min(firstOnly, secondOnly), n, 0.5));
}
