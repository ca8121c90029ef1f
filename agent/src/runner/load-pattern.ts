import type { RateTrial } from '@qfleet/shared/result/job-result.ts';
import type { LaunchClock } from './launch-clock.ts';
import type { OfferedLoad } from './protocol.ts';

/** When a timed section ends. */
export interface TimingLimits {
  /** Queries. */
  readonly minSamples: number;
  readonly minDurationMs: number;
  /** 0: no limit but the minima. */
  readonly maxDurationMs: number;
}

/** What a pattern offers its load to. */
export interface LoadTarget {
  /** One inference; nothing else is done in it. Gets a number that counts up, by which inputs rotate. */
  infer(index: number): Promise<unknown>;
  readonly clock: LaunchClock;
  /** Samples in one inference. */
  readonly batch: number;
  /** Median time of an inference in the warm-up. */
  readonly serviceNs: number;
  /** Asked between two queries: the pattern then ends with what it has. */
  isStopped(): boolean;
}

/** What came of a timed section. */
export interface PatternTimings {
  /** One latency per query (offline: per inference), in order. */
  readonly latenciesNs: Float64Array;
  /** From the start of the first inference to the end of the last. */
  readonly wallNs: number;
  /** Samples that were answered. */
  readonly timedSamples: number;
  readonly offeredFrames?: number;
  readonly droppedFrames?: number;
  readonly rateTrials?: RateTrial[];
}

/** How one scenario offers its load; one file each. Nothing but inferences and readings of the clock inside a latency. */
export type LoadPattern = (
  target: LoadTarget,
  load: OfferedLoad,
  limits: TimingLimits,
) => Promise<PatternTimings>;

/** Latencies that one launch keeps at most: 800 kB; only inferences under 10 µs reach it within a second. */
export const maxTimedSamples = 100_000;
