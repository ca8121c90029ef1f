import type { EventCount } from '../result/job-result.ts';

/** A count over the whole time, or why there is none. */
export type ScaledCount =
  | { readonly value: number; readonly isMultiplexed: boolean; readonly reason?: undefined }
  | { readonly value?: undefined; readonly reason: string };

/**
 * What an event would have counted with a counter of its own all the time: `value × enabled / running`. Under 95 % of
 * the time on a counter it is an estimate (`isMultiplexed`); with no time at all there is nothing to scale.
 */
export function scaleCount({ value, enabledNs, runningNs, reason }: EventCount): ScaledCount {
  if (reason !== undefined) return { reason };
  if (value === undefined || enabledNs === undefined || runningNs === undefined) {
    return { reason: 'bad-evidence: a count without its value or its times' };
  }
  if (runningNs === 0) return { reason: 'multiplexed: the event never got a counter' };
  const isMultiplexed = runningNs < wholeShare * enabledNs;
  return { value: value * Math.max(1, enabledNs / runningNs), isMultiplexed };
}

/** Below, an event is taken to have shared its counter with others. */
const wholeShare = 0.95;
