import type { Range } from '../static/compute-scale.ts';

/** What inputs have shown of one tensor; a tensor that never had a value has the range of 0. */
interface SeenValues extends Range {
  /** Exponential moving average of each input's own smallest and largest value, in the inputs' order. */
  readonly average: Range;
  /** Counts of values in equal bins over `histogramRange`; there where an observer asked for them. */
  readonly histogram?: readonly number[];
  /** Of the histogram; absent: from low to high. */
  readonly histogramRange?: Range;
}

/** What calibration has seen of one tensor, over all inputs. */
export interface TensorStatistics extends SeenValues {
  /**
   * The same over the even and the odd inputs alone (counted from 0), for ranges that are judged on inputs which they
   * were not chosen by; absent with one input.
   */
  readonly halves?: readonly [SeenValues, SeenValues];
  /** First input, from 0, for which it held a NaN or an infinity: it has no range then, and every number here is 0. */
  readonly nonFiniteIn?: number;
}

/** By the tensor names of the folded model. */
export type Statistics = Readonly<Record<string, TensorStatistics>>;

/** Statistics over the even (0) or the odd (1) inputs alone; of a tensor that has none, those over all. */
export function halfOf(statistics: Statistics, half: 0 | 1): Statistics {
  return Object.fromEntries(
    Object.entries(statistics).map(([tensor, seen]) => [tensor, seen.halves?.[half] ?? seen]),
  );
}

/** Bins of a histogram, as onnxruntime.quantization's Percentile has them. */
export const histogramBins = 2048;
