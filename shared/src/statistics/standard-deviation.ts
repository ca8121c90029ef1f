import { mean } from './mean.ts';

/** Sample standard deviation (n − 1 in the denominator), two passes; throws RangeError under two values. */
export function standardDeviation(values: ArrayLike<number>): number {
  if (values.length < 2) throw new RangeError(`Expected at least 2 values, got ${values.length}.`);
  const centre = mean(values);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - centre) ** 2;
  return Math.sqrt(squares / (values.length - 1));
}
