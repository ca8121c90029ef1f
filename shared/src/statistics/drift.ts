import { median } from './median.ts';

/**
 * Relative drift within a series of samples in the order they were taken: median of the last third over the
 * median of the first third, minus 1; 0.03 means that it became 3 % slower. Undefined under 9 samples.
 */
export function relativeDrift(samples: ArrayLike<number>): number | undefined {
  if (samples.length < 9) return undefined;
  const series = Float64Array.from(samples);
  const third = Math.floor(series.length / 3);
  const first = median(series.subarray(0, third));
  return first === 0 ? undefined : median(series.subarray(series.length - third)) / first - 1;
}
