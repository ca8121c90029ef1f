import { type TimingVerdict, timingVerdicts } from './timing-verdicts.ts';

/** What another series of launches may mend; too few launches or an emulator it does not. */
const mendable = ['noisy', 'throttled', 'contended'];

/** Whether launching all again may give timings that can be trusted. */
export function isWorthRepeating(verdicts: readonly TimingVerdict[]): boolean {
  return verdicts.some(({ verdict }) => mendable.includes(verdict));
}

/**
 * Which series of launches counts: that whose worst verdict over all variants is the least bad, where these are equal
 * that whose next worst is, and so on, of equal ones the first: a variant that is as bad in every series does not decide
 * over the others. All variants of a job are taken from one series, since they are compared by rounds. Chosen by verdicts
 * alone, never by how fast anything was. `series` holds at least one, all of them with the same variants.
 */
export function chooseSeries(series: readonly { readonly verdicts: readonly TimingVerdict[] }[]): number {
  const badness = series.map(({ verdicts }) =>
    verdicts.map(({ verdict }) => timingVerdicts.indexOf(verdict)).sort((a, b) => b - a),
  );
  return badness.reduce((best, own, index) => (isLess(own, badness[best]!) ? index : best), 0);
}

/** By the first that differs. */
function isLess(left: readonly number[], right: readonly number[]): boolean {
  const differing = left.findIndex((value, i) => value !== right[i]);
  return differing >= 0 && left[differing]! < right[differing]!;
}
