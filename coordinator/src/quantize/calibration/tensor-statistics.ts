import type { Range } from '../static/compute-scale.ts';

/** What calibration has seen of one tensor, over all inputs. */
export interface TensorStatistics extends Range {
  /** Exponential moving average of each input's own smallest and largest value, in the inputs' order. */
  readonly average: Range;
  /** Counts of values in equal bins from low to high; there where an observer asked for them. */
  readonly histogram?: readonly number[];
}

/** By the tensor names of the folded model. */
export type Statistics = Readonly<Record<string, TensorStatistics>>;

/** Bins of a histogram, as onnxruntime.quantization's Percentile has them. */
export const histogramBins = 2048;
