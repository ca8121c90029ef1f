import { createBreather } from './breathe.ts';
import { type LoadTarget, maxTimedSamples, type PatternTimings, type TimingLimits } from './load-pattern.ts';

/**
 * Queries back to back, the next when the last is answered; a query is `inferencesPerQuery` inferences, and its
 * latency the time of all of them. Ends when both minima are reached, at the maximum duration, or with the buffer full.
 */
export async function timeClosedLoop(
  target: LoadTarget,
  inferencesPerQuery: number,
  limits: TimingLimits,
): Promise<Omit<PatternTimings, 'timedSamples'>> {
  const { clock } = target;
  const breathe = createBreather(clock);
  const isDone = endTest(limits);
  // Filled, so that its pages are there before the clock runs.
  const latencies = new Float64Array(maxTimedSamples).fill(0);
  let [count, inferences] = [0, 0];
  const start = clock.nowNs();
  let end = start;
  do {
    const before = clock.nowNs();
    for (let i = 0; i < inferencesPerQuery; i++) await target.infer(inferences++);
    end = clock.nowNs();
    latencies[count++] = end - before;
    await breathe(end);
  } while (!isDone(count, end - start) && !target.isStopped());
  return { latenciesNs: latencies.slice(0, count), wallNs: end - start };
}

function endTest(limits: TimingLimits): (count: number, elapsedNs: number) => boolean {
  const minNs = limits.minDurationMs * 1e6;
  const maxNs = limits.maxDurationMs * 1e6;
  return (count, elapsedNs) =>
    (count >= limits.minSamples && elapsedNs >= minNs) ||
    (maxNs > 0 && elapsedNs >= maxNs) ||
    count >= maxTimedSamples;
}
