import { defaultConfidence, type Interval } from './interval.ts';
import { mean } from './mean.ts';
import { standardDeviation } from './standard-deviation.ts';
import { studentTCumulative, studentTQuantile } from './student-t.ts';

export interface PairedT {
  /** Mean of the differences, in their unit. */
  readonly mean: number;
  readonly interval: Interval;
  /** Two-sided p-value of "the mean is 0"; 0 or 1 where all differences are equal. */
  readonly p: number;
}

/** Student's t interval and test of paired differences; throws RangeError under two pairs. */
export function pairedT(differences: ArrayLike<number>, confidence = defaultConfidence): PairedT {
  const centre = mean(differences);
  const error = standardDeviation(differences) / Math.sqrt(differences.length);
  const freedom = differences.length - 1;
  const half = studentTQuantile(1 - (1 - confidence) / 2, freedom) * error;
  const p = error === 0 ? (centre === 0 ? 1 : 0) : 2 * studentTCumulative(-Math.abs(centre) / error, freedom);
  return { mean: centre, interval: { low: centre - half, high: centre + half, method: 'paired-t' }, p };
}
