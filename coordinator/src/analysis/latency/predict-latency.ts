import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { mean } from '@qfleet/shared/statistics/mean.ts';
import { standardDeviation } from '@qfleet/shared/statistics/standard-deviation.ts';
import { studentTQuantile } from '@qfleet/shared/statistics/student-t.ts';
import type { LatencyMethod } from './latency-methods.ts';
import type { TimedPlace } from './timed-place.ts';

const quantity = 'prediction.latency.p50';
/** Of the interval: one more device like the sources. */
const confidence = 0.9;
/** Fewer say nothing of how much devices scatter. */
const minSources = 3;

/**
 * The latency of a variant on a device from those on other devices, nanoseconds: the geometric mean of what each source
 * says, with Student's prediction interval on logs where there are three or more (Hahn and Meeker, "Statistical
 * Intervals", 1991). The target's own latency has no part in it. Unavailable with the reason where no source says
 * anything.
 */
export function predictLatency(
  method: LatencyMethod,
  target: TimedPlace,
  sources: readonly TimedPlace[],
): Reading {
  const blind: TimedPlace = {
    ...target,
    latencyNs: undefined,
    ...(method.anchors === 0 && { floatLatencyNs: undefined }),
  };
  const reasons: string[] = [];
  const logs = sources.flatMap((source) => {
    if (source.latencyNs === undefined) return [];
    const factor = method.factor(blind, source);
    if (typeof factor === 'number') return [Math.log(source.latencyNs * factor)];
    reasons.push(factor);
    return [];
  });
  if (logs.length === 0) {
    return unavailable(quantity, 'ns', reasons[0] ?? 'no-source: timed on no other machine');
  }
  const center = mean(logs);
  const interval = logs.length >= minSources ? intervalOf(logs, center) : undefined;
  return available({
    quantity,
    status: 'derived',
    value: Math.exp(center),
    unit: 'ns',
    method: method.id,
    n: logs.length,
    ...(interval && { interval }),
    ...(!interval && { flags: [`no interval: ${logs.length} of ${minSources} sources`] }),
  });
}

function intervalOf(logs: readonly number[], center: number): { low: number; high: number; method: string } {
  const n = logs.length;
  const half =
    studentTQuantile(1 - (1 - confidence) / 2, n - 1) * standardDeviation(logs) * Math.sqrt(1 + 1 / n);
  return {
    low: Math.exp(center - half),
    high: Math.exp(center + half),
    method: '90 % prediction, t on logs of sources',
  };
}
