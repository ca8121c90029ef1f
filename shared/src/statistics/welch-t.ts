import { defaultConfidence, type Interval } from './interval.ts';
import { mean } from './mean.ts';
import { standardDeviation } from './standard-deviation.ts';
import { studentTQuantile } from './student-t.ts';

export interface WelchT {
  /** Mean of the first sample minus that of the second, in their unit. */
  readonly difference: number;
  readonly interval: Interval;
  /** Degrees of freedom by Welch and Satterthwaite; infinite where both samples are constant. */
  readonly freedom: number;
}

/**
 * Student's t interval of the difference of two means whose samples are independent and may vary by different
 * amounts (Welch, Biometrika 34, 1947). Throws RangeError under two values of a sample.
 */
export function welchT(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  confidence = defaultConfidence,
): WelchT {
  const difference = mean(first) - mean(second);
  const variances = [first, second].map((values) => standardDeviation(values) ** 2 / values.length);
  const variance = variances[0]! + variances[1]!;
  const freedom =
    variance === 0
      ? Number.POSITIVE_INFINITY
      : variance ** 2 / (variances[0]! ** 2 / (first.length - 1) + variances[1]! ** 2 / (second.length - 1));
  const half = variance === 0 ? 0 : studentTQuantile(1 - (1 - confidence) / 2, freedom) * Math.sqrt(variance);
  return {
    difference,
    interval: { low: difference - half, high: difference + half, method: 'welch-t' },
    freedom,
  };
}
