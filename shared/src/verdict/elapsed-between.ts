import type { Environment } from '../result/job-result.ts';

/**
 * Milliseconds from one look at the environment to a later one by the same agent: on the monotonic clock, since the wall
 * clock may be set in between; by the wall clock where an older agent gives no other. Never negative.
 */
export function elapsedBetween(before: Environment, after: Environment): number {
  const hasMonotonic = before.monotonicMs !== undefined && after.monotonicMs !== undefined;
  const elapsedMs = hasMonotonic
    ? after.monotonicMs! - before.monotonicMs!
    : after.atUnixMs - before.atUnixMs;
  return Math.max(0, elapsedMs);
}
