import { readingValue } from '@qfleet/shared/reading.ts';
import { findRoof } from '../find-roof.ts';
import type { TimedPlace } from './timed-place.ts';

/** How many times longer a target takes than a source, or in words why that cannot be told. */
export type Factor = number | string;

/** A way to tell the latency of a variant on a device from another device's. Pure. */
export interface LatencyMethod {
  readonly id: string;
  /** What is scaled by what. */
  readonly description: string;
  /** Measurements on the target that it needs beside its probe. */
  readonly anchors: 0 | 1;
  /** The source has a latency. */
  factor(target: TimedPlace, source: TimedPlace): Factor;
}

/** What everybody does first, and what it is held against. */
const gemmRatio: LatencyMethod = {
  id: 'gemm-ratio',
  description: 'another device scaled by the peaks of matrix products that both were measured to have',
  anchors: 0,
  factor: (target, source) => peakRatio(computeOf(source), target, source),
};

const bandwidthRatio: LatencyMethod = {
  id: 'bandwidth-ratio',
  description: 'another device scaled by the memory bandwidths that both were measured to have',
  anchors: 0,
  factor: (target, source) => peakRatio(triad, target, source),
};

/** Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009: the longer of work over peak and bytes over bandwidth. */
const roofline: LatencyMethod = {
  id: 'roofline',
  description: 'the share of the roofline that the variant reached elsewhere, of this device’s roofline',
  anchors: 0,
  factor: (target, source) => {
    const here = rooflineNs(target, source.work);
    const there = rooflineNs(source, source.work);
    return typeof here === 'string' ? here : typeof there === 'string' ? there : here / there;
  },
};

const perLayer: LatencyMethod = {
  id: 'per-layer',
  description:
    'layer by layer the share of its roofline that it reached elsewhere; what no layer takes, by the bandwidths',
  anchors: 0,
  factor: (target, source) => {
    const others = peakRatio(triad, target, source);
    if (typeof others === 'string') return others;
    const times = source.layers.map(({ time }) => readingValue(time) ?? 0);
    const total = times.reduce((sum, time) => sum + time, 0);
    if (total === 0) return 'no-profile: no layer of the source has a time';
    let scaled = 0;
    for (const [i, { macs, bytes = 0, kind }] of source.layers.entries()) {
      const work = { macs, bytes, isInteger: kind === 'integer' };
      const here = rooflineNs(target, work);
      const there = rooflineNs(source, work);
      if (typeof here === 'string') return here;
      if (typeof there === 'string') return there;
      scaled += times[i]! * (there > 0 ? here / there : others);
    }
    // The profiler slows layers down: their sum may be more than all of an undisturbed inference.
    const share = Math.min(1, total / source.latencyNs!);
    return share * (scaled / total) + (1 - share) * others;
  },
};

const floatAnchor: LatencyMethod = {
  id: 'fp32-anchor',
  description: 'this device’s own fp32 over the speed-up that the variant had elsewhere',
  anchors: 1,
  factor: (target, source) =>
    target.floatLatencyNs === undefined || source.floatLatencyNs === undefined
      ? 'no-anchor: fp32 was not timed in both places'
      : target.floatLatencyNs / source.floatLatencyNs,
};

/** Baselines first. */
export const latencyMethods: readonly LatencyMethod[] = [
  gemmRatio,
  bandwidthRatio,
  roofline,
  perLayer,
  floatAnchor,
];

const triad = 'mem.bandwidth.triad';

function computeOf({ work }: Pick<TimedPlace, 'work'>): string {
  return `compute.${work.isInteger ? 'int8' : 'fp32'}`;
}

/** By how much the source's peak is higher. */
function peakRatio(quantity: string, target: TimedPlace, source: TimedPlace): Factor {
  const here = findRoof(quantity, target);
  const there = findRoof(quantity, source);
  if (here.status === 'unavailable') return `${here.quantity}: ${here.reason}`;
  if (there.status === 'unavailable') return `${there.quantity}: ${there.reason}`;
  return there.value / here.value;
}

function rooflineNs(place: TimedPlace, work: TimedPlace['work']): number | string {
  if (work.macs === undefined) return 'no-macs: not every operator could be counted';
  const peak = findRoof(computeOf({ work }), place);
  const bandwidth = findRoof(triad, place);
  if (peak.status === 'unavailable') return `${peak.quantity}: ${peak.reason}`;
  if (bandwidth.status === 'unavailable') return `${bandwidth.quantity}: ${bandwidth.reason}`;
  return 1e9 * Math.max((2 * work.macs) / peak.value, work.bytes / bandwidth.value);
}
