import { median } from './median.ts';

/**
 * Slope of a series per step, in the unit of its values: the median of the slopes of all pairs (Theil 1950,
 * Sen 1968), which a minority of outliers does not move. Throws RangeError under two values.
 */
export function theilSenSlope(values: ArrayLike<number>): number {
  if (values.length < 2) throw new RangeError(`Expected at least 2 values, got ${values.length}.`);
  const slopes: number[] = [];
  for (let i = 0; i < values.length; i++) {
    for (let j = i + 1; j < values.length; j++) slopes.push((values[j]! - values[i]!) / (j - i));
  }
  return median(slopes);
}
