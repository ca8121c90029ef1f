import { mcnemarExact } from './mcnemar-exact.ts';
import { normalCumulative } from './normal.ts';

/** Discordant pairs under which the exact test is taken. */
const exactBelow = 25;

/**
 * McNemar's test of whether two classifiers differ in how often they are right on the same inputs: two-sided p of the
 * inputs that only one of them gets right. Exact (binomial) under 25 of them, else χ² with Edwards' continuity
 * correction, (|b − c| − 1)² / (b + c) with one degree of freedom. 1 where there are none.
 */
export function mcnemar(
  firstOnly: number,
  secondOnly: number,
): { readonly p: number; readonly method: string } {
  const discordant = firstOnly + secondOnly;
  if (discordant < exactBelow) return { p: mcnemarExact(firstOnly, secondOnly), method: 'mcnemar-exact' };
  const statistic = Math.max(0, Math.abs(firstOnly - secondOnly) - 1) / Math.sqrt(discordant);
  return { p: Math.min(1, 2 * normalCumulative(-statistic)), method: 'mcnemar-edwards' };
}
