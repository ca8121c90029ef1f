import { shareOfLaunch } from '@qfleet/shared/loadgen/profiles.ts';
import type { Plan } from './plan.ts';

/** A plan's timing with nothing left open. */
export type Timing = Plan['timing'] & {
  readonly minSamples: number;
  readonly minDurationMs: number;
  readonly maxDurationMs: number;
  readonly repeats: number;
};

/**
 * Fills in what a plan leaves open: the profile's queries and duration, spread over the launches, and how often all is
 * made again. A minimum that was asked for is never cut off by the profile's maximum.
 */
export function resolveTiming(timing: Plan['timing']): Timing {
  const share = shareOfLaunch(timing.profile, timing.launches);
  const minDurationMs = timing.minDurationMs ?? share.minDurationMs;
  return {
    ...timing,
    minSamples: timing.minSamples ?? share.minSamples,
    minDurationMs,
    maxDurationMs: timing.maxDurationMs ?? Math.max(share.maxDurationMs, minDurationMs),
    repeats: timing.repeats ?? (timing.profile === 'rapid' ? 0 : 1),
  };
}
