import type { Reading } from '@qfleet/shared/reading.ts';

/** A ratio with its interval. */
export interface RatioInterval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * How a speed-up relates to that in another place, from both and their intervals: the errors are independent, so that
 * half-widths of logs add in squares. Undefined where one has no interval.
 */
export function speedUpRatio(
  here: Reading | undefined,
  there: Reading | undefined,
): RatioInterval | undefined {
  const [a, b] = [intervalOf(here), intervalOf(there)];
  if (!a || !b) return undefined;
  const log = Math.log(a.value / b.value);
  const half = Math.hypot(Math.log(a.high / a.low) / 2, Math.log(b.high / b.low) / 2);
  return { value: Math.exp(log), low: Math.exp(log - half), high: Math.exp(log + half) };
}

/** A reading with its interval; undefined where either is missing. */
export function intervalOf(reading: Reading | undefined): RatioInterval | undefined {
  if (!reading || reading.status === 'unavailable' || !reading.interval) return undefined;
  return { value: reading.value, low: reading.interval.low, high: reading.interval.high };
}
