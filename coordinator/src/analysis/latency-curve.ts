import { nearestRank } from '@qfleet/shared/statistics/percentile.ts';
import type { TimedLaunch } from '@qfleet/shared/verdict/timed-launch.ts';
import * as z from 'zod';

/** One point of the distribution of a cell's latencies. */
export const latencyPointSchema = z.object({
  /** Samples that take no longer, 0…1. */
  share: z.number(),
  /** Over all launches together, nanoseconds, by nearest rank. */
  ns: z.number(),
  /** The least and the most that any launch has at this share. */
  leastNs: z.number(),
  mostNs: z.number(),
});
export type LatencyPoint = z.infer<typeof latencyPointSchema>;

/** Tails are where latencies differ. */
const shares = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];
/** Samples of a launch from which its 99th percentile is not simply its largest. */
const minSamples = 20;

/** The empirical distribution of a cell's samples at thirteen shares; empty where a launch has under twenty samples. */
export function latencyCurve(launches: readonly TimedLaunch[]): LatencyPoint[] {
  if (launches.length === 0 || launches.some(({ samplesNs }) => samplesNs.length < minSamples)) return [];
  const sorted = launches.map(({ samplesNs }) => samplesNs.slice().sort());
  const pool = Float64Array.from(sorted.flatMap((samples) => [...samples])).sort();
  return shares.map((share) => {
    const each = sorted.map((samples) => atShare(samples, share));
    return { share, ns: atShare(pool, share), leastNs: Math.min(...each), mostNs: Math.max(...each) };
  });
}

function atShare(sorted: Float64Array, share: number): number {
  return sorted[nearestRank(sorted.length, share) - 1]!;
}
