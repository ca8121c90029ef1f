import { createBreather } from './breathe.ts';
import { inferencesPerQuery } from './inferences-per-query.ts';
import { type LoadPattern, maxTimedSamples, type TimingLimits } from './load-pattern.ts';

/**
 * Frames at a fixed rate, as a camera gives them, with room for one that waits: a frame that still waits when the
 * next one comes is dropped. A frame's latency counts from when it came. The number of frames is fixed beforehand.
 */
export const timeFixedRate: LoadPattern = async (target, load, limits) => {
  const { clock } = target;
  const periodNs = 1e9 / load.frameRatePerSec;
  const planned = countFrames(limits, periodNs);
  const perFrame = inferencesPerQuery(load, target);
  const breathe = createBreather(clock);
  const latencies = new Float64Array(planned).fill(0);
  let [frame, answered, inferences] = [0, 0, 0];
  const start = clock.nowNs();
  let end = start;
  while (frame < planned && !target.isStopped()) {
    const arrival = start + frame * periodNs;
    await clock.waitUntil(arrival);
    for (let i = 0; i < perFrame; i++) await target.infer(inferences++);
    end = clock.nowNs();
    latencies[answered++] = end - arrival;
    frame = nextFrame({ frame, elapsedNs: end - start, periodNs, planned });
    await breathe(end);
  }
  return {
    latenciesNs: latencies.slice(0, answered),
    wallNs: end - start,
    timedSamples: answered * load.samplesPerQuery,
    offeredFrames: frame,
    droppedFrames: frame - answered,
  };
};

/**
 * The frame to answer after `frame`, all counted from 0 and frame k coming at k periods: the newest that has come, or
 * the following one where none has. Those between are dropped. `planned` where there is none left.
 */
export function nextFrame(now: {
  readonly frame: number;
  readonly elapsedNs: number;
  readonly periodNs: number;
  readonly planned: number;
}): number {
  const following = now.frame + 1;
  if (following >= now.planned) return now.planned;
  const newest = Math.min(now.planned - 1, Math.floor(now.elapsedNs / now.periodNs));
  return Math.max(following, newest);
}

/** Frames to offer: both minima, within the maximum duration and what a launch keeps; at least one. */
function countFrames(limits: TimingLimits, periodNs: number): number {
  const framesIn = (durationMs: number): number => Math.ceil((durationMs * 1e6) / periodNs);
  const wanted = Math.max(1, limits.minSamples, framesIn(limits.minDurationMs));
  const most = limits.maxDurationMs > 0 ? Math.max(1, framesIn(limits.maxDurationMs)) : maxTimedSamples;
  return Math.min(wanted, most, maxTimedSamples);
}
