import { type TimingVerdict, timingVerdicts } from './timing-verdicts.ts';

/** What another series of launches may mend; too few launches or an emulator it does not. */
const mendable = ['noisy', 'throttled', 'contended'];

/** Whether launching all again may give timings that can be trusted. */
export function isWorthRepeating(verdicts: readonly TimingVerdict[]): boolean {
  return verdicts.some(({ verdict }) => mendable.includes(verdict));
}

/**
 * Which series of launches counts: that whose worst verdict over all variants is the least bad, of equal ones the
 * first. All variants of a job are taken from one series, since they are compared by rounds. Chosen by verdicts
 * alone, never by how fast anything was. `series` holds at least one.
 */
export function chooseSeries(series: readonly { readonly verdicts: readonly TimingVerdict[] }[]): number {
  const badness = series.map(({ verdicts }) =>
    Math.max(0, ...verdicts.map(({ verdict }) => timingVerdicts.indexOf(verdict))),
  );
  return badness.indexOf(Math.min(...badness));
}
