import type { Range } from '../static/compute-scale.ts';

/** What calibration has seen of one tensor, over all inputs; a tensor that never had a value has the range of 0. */
export interface TensorStatistics extends Range {
  /** Exponential moving average of each input's own smallest and largest value, in the inputs' order. */
  readonly average: Range;
  /** Counts of values in equal bins from low to high; there where an observer asked for them. */
  readonly histogram?: readonly number[];
  /** First input, from 0, for which it held a NaN or an infinity: it has no range then, and every number here is 0. */
  readonly nonFiniteIn?: number;
}

/** By the tensor names of the folded model. */
export type Statistics = Readonly<Record<string, TensorStatistics>>;

/** Bins of a histogram, as onnxruntime.quantization's Percentile has them. */
export const histogramBins = 2048;
