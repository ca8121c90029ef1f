import { createBreather } from './breathe.ts';
import { type LoadPattern, maxTimedSamples, type TimingLimits } from './load-pattern.ts';

/** The warm-up's speed may be off: so much more is offered than the minimum duration needs. MLPerf's runs do the same. */
const slack = 1.1;

/**
 * MLPerf's offline: all samples are one query, answered back to back in full batches. Their number is fixed
 * beforehand, from the speed in the warm-up, so that the minimum duration is reached. The launch's figure is
 * wall time over samples; the latencies are those of single inferences.
 */
export const timeOffline: LoadPattern = async (target, _load, limits) => {
  const { clock, batch } = target;
  const planned = countInferences(limits, { batch, serviceNs: target.serviceNs });
  const maxNs = limits.maxDurationMs > 0 ? limits.maxDurationMs * 1e6 : Number.POSITIVE_INFINITY;
  const breathe = createBreather(clock);
  const latencies = new Float64Array(planned).fill(0);
  let count = 0;
  const start = clock.nowNs();
  let end = start;
  while (count < planned && end - start < maxNs && !target.isStopped()) {
    const before = clock.nowNs();
    await target.infer(count);
    end = clock.nowNs();
    latencies[count++] = end - before;
    await breathe(end);
  }
  return { latenciesNs: latencies.slice(0, count), wallNs: end - start, timedSamples: count * batch };
};

/** Inferences to offer: enough for the minima and no more than a launch keeps; at least one. */
export function countInferences(
  limits: TimingLimits,
  { batch, serviceNs }: { readonly batch: number; readonly serviceNs: number },
): number {
  const bySamples = Math.ceil(limits.minSamples / batch);
  const byDuration = Math.ceil((slack * limits.minDurationMs * 1e6) / Math.max(1, serviceNs));
  return Math.min(maxTimedSamples, Math.max(1, bySamples, byDuration));
}
