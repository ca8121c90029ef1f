import type { Random } from '../random.ts';
import { bootstrapInterval } from './bootstrap-interval.ts';
import { defaultConfidence, type Interval } from './interval.ts';

/** Fewest launches of each side from which a comparison is judged. */
export const minLaunchesToJudge = 6;

/** Effects up to this share are "not different" however narrow the interval: 2 %. */
export const negligibleEffect = 0.02;

/** `faster`: the subject takes less time than the reference. `undecided`: too few launches to judge. */
export type SpeedVerdict = 'faster' | 'slower' | 'not different' | 'undecided';

export interface LaunchComparison {
  /** Reference time over subject time: 2 means that the subject takes half the time. */
  readonly ratio: number;
  /** Absent under two launches of a side. */
  readonly interval: Interval | undefined;
  readonly verdict: SpeedVerdict;
  readonly paired: boolean;
}

export interface LaunchComparisonOptions {
  /** Launch medians, one unit, > 0; `paired`: entry i of both sides is of round i. */
  readonly reference: ArrayLike<number>;
  readonly subject: ArrayLike<number>;
  readonly paired: boolean;
  readonly random: Random;
  readonly confidence?: number;
}

/**
 * How much faster one variant is than another: the ratio of the geometric means of their launch medians, with
 * an interval that resamples launches, by rounds where both were launched in the same rounds, so that what
 * drifts between rounds cancels. Samples are not resampled: successive launches of one model drift by more
 * than the interval within a launch says. "Different" takes both an interval that excludes 1 and an effect
 * above `negligibleEffect`. Throws RangeError where paired sides differ in length or a side is empty.
 */
export function compareLaunches(options: LaunchComparisonOptions): LaunchComparison {
  const reference = Float64Array.from(options.reference, Math.log);
  const subject = Float64Array.from(options.subject, Math.log);
  if (reference.length === 0 || subject.length === 0)
    throw new RangeError('Expected launches on both sides.');
  if (options.paired && reference.length !== subject.length) {
    throw new RangeError(`Expected as many launches of both, got ${reference.length} and ${subject.length}.`);
  }
  const ratio = Math.exp(meanAt(reference) - meanAt(subject));
  const interval = bootstrapInterval({
    groupSizes: options.paired ? [reference.length] : [reference.length, subject.length],
    statistic: (drawn) => Math.exp(meanAt(reference, drawn[0]) - meanAt(subject, drawn[1] ?? drawn[0])),
    random: options.random,
    confidence: options.confidence ?? defaultConfidence,
  });
  const launches = Math.min(reference.length, subject.length);
  return { ratio, interval, verdict: judge(ratio, interval, launches), paired: options.paired };
}

function judge(ratio: number, interval: Interval | undefined, launches: number): SpeedVerdict {
  if (!interval || launches < minLaunchesToJudge) return 'undecided';
  if (interval.low > 1 && ratio > 1 + negligibleEffect) return 'faster';
  if (interval.high < 1 && ratio < 1 / (1 + negligibleEffect)) return 'slower';
  return 'not different';
}

function meanAt(values: Float64Array, indices?: Uint32Array): number {
  let sum = 0;
  if (!indices) {
    for (const value of values) sum += value;
    return sum / values.length;
  }
  for (const index of indices) sum += values[index]!;
  return sum / indices.length;
}
