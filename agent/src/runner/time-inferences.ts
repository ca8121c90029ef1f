import type { Feeds, LoadedVariant } from '../backends/backend.ts';
import { turnEventLoop } from './turn-event-loop.ts';

/** Samples that one launch keeps at most: 800 kB; only inferences under 10 µs reach it within a second. */
export const maxTimedSamples = 100_000;
/** The event loop turns at least so often, between two samples. */
const turnEveryNs = 100_000_000n;

export interface TimingLimits {
  readonly minSamples: number;
  readonly minDurationMs: number;
  /** 0: no limit but the minima. */
  readonly maxDurationMs: number;
}

export interface TimedSection {
  readonly samplesNs: Float64Array;
  /** From the start of the first inference to the end of the last. */
  readonly wallNs: number;
  /** User and system time of this process, all threads. */
  readonly cpuTimeNs: number;
  readonly involuntarySwitches: number;
}

/**
 * The timed section. A sample is the time of one `await infer()` on the monotonic clock, and nothing else happens
 * in it; the loop ends when both minima are reached, at the maximum duration, or with the buffer full.
 */
export async function timeInferences(
  variant: LoadedVariant,
  feeds: readonly Feeds[],
  limits: TimingLimits,
): Promise<TimedSection> {
  const isDone = endTest(limits);
  // Filled, so that its pages are there before the clock runs.
  const samples = new Float64Array(maxTimedSamples).fill(0);
  const resourcesBefore = process.resourceUsage();
  const cpuBefore = process.cpuUsage();
  const start = process.hrtime.bigint();
  let count = 0;
  let end = start;
  let turnedAt = start;
  do {
    const feed = feeds[count % feeds.length]!;
    const before = process.hrtime.bigint();
    await variant.infer(feed);
    end = process.hrtime.bigint();
    samples[count++] = Number(end - before);
    if (end - turnedAt > turnEveryNs) {
      await turnEventLoop();
      turnedAt = end;
    }
  } while (!isDone(count, end - start));
  const cpu = process.cpuUsage(cpuBefore);
  const resourcesAfter = process.resourceUsage();
  return {
    samplesNs: samples.slice(0, count),
    wallNs: Number(end - start),
    cpuTimeNs: (cpu.user + cpu.system) * 1000,
    involuntarySwitches:
      resourcesAfter.involuntaryContextSwitches - resourcesBefore.involuntaryContextSwitches,
  };
}

function endTest(limits: TimingLimits): (count: number, elapsedNs: bigint) => boolean {
  const minNs = BigInt(limits.minDurationMs) * 1_000_000n;
  const maxNs = BigInt(limits.maxDurationMs) * 1_000_000n;
  return (count, elapsedNs) =>
    (count >= limits.minSamples && elapsedNs >= minNs) ||
    (maxNs > 0n && elapsedNs >= maxNs) ||
    count >= maxTimedSamples;
}
