import { defaultConfidence, type Interval } from './interval.ts';
import { mean } from './mean.ts';
import { pairedT } from './paired-t.ts';
import { welchT } from './welch-t.ts';

/** Fewest launches of each side from which a comparison is judged. */
export const minLaunchesToJudge = 6;

/** Effects up to this share are not called different however narrow the interval, unless the plan says otherwise: 2 %. */
export const negligibleEffect = 0.02;

/**
 * Margin of "the same" unless the plan says otherwise: 5 %. Six paired launches whose ratios vary by 5 %, which
 * is all that a trusted cell's launches may vary, have a 90 % interval of ±4.1 %: that much can be shown, while
 * 2 % would take launches that vary by 2.4 %.
 */
export const defaultEquivalenceMargin = 0.05;

/**
 * `faster`: the subject takes less time than the reference. `same`: shown to differ by less than the margin.
 * `not different`: neither was shown. `insufficient`: too few launches to judge.
 */
export const speedVerdicts = ['faster', 'slower', 'same', 'not different', 'insufficient'] as const;
export type SpeedVerdict = (typeof speedVerdicts)[number];

export interface LaunchComparison {
  /** Reference time over subject time: 2 means that the subject takes half the time. */
  readonly ratio: number;
  /** Absent under two launches of a side. */
  readonly interval: Interval | undefined;
  readonly verdict: SpeedVerdict;
  readonly paired: boolean;
}

export interface LaunchComparisonOptions {
  /** Launch figures, one unit, > 0; `paired`: entry i of both sides is of round i. */
  readonly reference: ArrayLike<number>;
  readonly subject: ArrayLike<number>;
  readonly paired: boolean;
  /** Of the interval, 0…1; both tests are made at the level 1 − confidence. */
  readonly confidence?: number;
  /** Share of the time that an effect must exceed to count: 0.02. */
  readonly minEffect?: number;
  /** Share of the time within which two variants count as the same: 0.05. */
  readonly equivalenceMargin?: number;
}

/**
 * How much faster one variant is than another: the ratio of the geometric means of their launch figures, with
 * Student's t interval on logs whose units are launches: of the rounds' log ratios where both were launched in
 * the same rounds, so that what drifts between rounds cancels (`paired-t`), else Welch's (`welch-t`). Samples
 * are never the units: successive launches of one model differ by more than the interval within a launch says.
 *
 * "Different" takes both an interval that excludes 1 and an effect above `minEffect`; "the same" takes two
 * one-sided tests against the margin (Schuirmann, 1987), that is an interval of 1 − 2·(1 − confidence) within
 * 1/(1 + margin)…1 + margin. Where both hold, the difference is told. Throws RangeError where paired sides
 * differ in length or a side is empty.
 *
 * Why t: over 4,000 simulated comparisons each, of normal, Student-t₃, contaminated and lognormal log figures,
 * the 95 % intervals covered the truth in
 * - paired t: 94…97 % with 6 launches, 95…96 % with 20; Welch's t: 95…98 % and 96 %;
 * - bootstrap, expanded percentile: 93 % (paired, 6 launches), 93…95 % with 20;
 * - bootstrap, BCa: 80…86 % with 6 launches, 86…93 % with 20.
 * Heavy tails make t wider than needed, never too narrow, and it needs no random numbers.
 */
export function compareLaunches(options: LaunchComparisonOptions): LaunchComparison {
  const { paired, confidence = defaultConfidence } = options;
  const logs = readLogs(options);
  const logRatio = mean(logs.reference) - mean(logs.subject);
  const launches = Math.min(logs.reference.length, logs.subject.length);
  const ratio = Math.exp(logRatio);
  if (launches < 2) return { ratio, interval: undefined, verdict: 'insufficient', paired };
  const interval = ratioInterval(logs, paired, confidence);
  const shown = {
    ratio,
    interval,
    // Two one-sided tests at one level are one interval that leaves out that level on each side.
    equivalence: ratioInterval(logs, paired, 1 - 2 * (1 - confidence)),
  };
  const verdict = launches < minLaunchesToJudge ? 'insufficient' : judge(shown, options);
  return { ratio, interval, verdict, paired };
}

interface Logs {
  readonly reference: Float64Array;
  readonly subject: Float64Array;
}

function readLogs({ reference, subject, paired }: LaunchComparisonOptions): Logs {
  if (reference.length === 0 || subject.length === 0) {
    throw new RangeError('Expected launches on both sides.');
  }
  if (paired && reference.length !== subject.length) {
    throw new RangeError(`Expected as many launches of both, got ${reference.length} and ${subject.length}.`);
  }
  return { reference: Float64Array.from(reference, Math.log), subject: Float64Array.from(subject, Math.log) };
}

function ratioInterval({ reference, subject }: Logs, paired: boolean, confidence: number): Interval {
  const { low, high, method } = paired
    ? pairedT(
        reference.map((value, round) => value - subject[round]!),
        confidence,
      ).interval
    : welchT(reference, subject, confidence).interval;
  return { low: Math.exp(low), high: Math.exp(high), method: `${method}-on-log-launches` };
}

function judge(
  { ratio, interval, equivalence }: { ratio: number; interval: Interval; equivalence: Interval },
  { minEffect = negligibleEffect, equivalenceMargin = defaultEquivalenceMargin }: LaunchComparisonOptions,
): SpeedVerdict {
  if (interval.low > 1 && ratio > 1 + minEffect) return 'faster';
  if (interval.high < 1 && ratio < 1 / (1 + minEffect)) return 'slower';
  const limit = 1 + equivalenceMargin;
  return equivalence.low > 1 / limit && equivalence.high < limit ? 'same' : 'not different';
}
