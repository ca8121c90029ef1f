import { scaleCount } from '@qfleet/shared/counters/scale-count.ts';
import type { EventCount } from '@qfleet/shared/result/job-result.ts';

/** Bytes that one counted event stands for, or why that cannot be said. */
export type BytesPerEvent =
  | { readonly bytes: number; readonly isMultiplexed: boolean; readonly reason?: undefined }
  | { readonly bytes?: undefined; readonly reason: string };

/**
 * Bytes per event, from a piece of work that moved `bytes` of them. Every core here has lines of 64 B; accepted are
 * 45…90: above, the event misses part of the traffic, as where prefetched lines are not counted; below, it counts
 * something else beside.
 */
export function bytesPerEvent(bytes: number, count: EventCount | undefined): BytesPerEvent {
  if (!count) return { reason: 'not-supported: the core has no such event' };
  const scaled = scaleCount(count);
  if (scaled.reason !== undefined) return { reason: scaled.reason };
  const each = bytes / scaled.value;
  if (each >= accepted.from && each <= accepted.to)
    return { bytes: each, isMultiplexed: scaled.isMultiplexed };
  const found = Number.isFinite(each) ? each.toFixed(1) : 'no event at all, not';
  return {
    reason: `uncalibrated: ${found} B per ${count.name} event over known traffic, accepted are ${accepted.from} to ${accepted.to}`,
  };
}

const accepted = { from: 45, to: 90 } as const;
