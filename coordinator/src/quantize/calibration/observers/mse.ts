import {
  type ActivationFormat,
  computeActivationScale,
  integerLimits,
  type Range,
} from '../../static/compute-scale.ts';
import type { Observer } from './observer.ts';
import { type Histogram, readHistogram } from './read-histogram.ts';

/** Ends are tried from the whole range down to a hundredth of it. */
const steps = 100;
/** Both ends are searched in turn; the second round changes little, the third nothing. */
const rounds = 2;

/**
 * The range with the least mean squared error of rounding and clipping together, found on the histogram: both
 * ends together, then one after the other. What PyTorch's HistogramObserver and AMD Quark's MinMSE look for.
 */
export const mse: Observer = {
  method: 'mse',
  description: 'least mean squared error of rounding and clipping together',
  needsHistogram: true,
  chooseRange(statistics, format) {
    const histogram = readHistogram(statistics);
    const whole: Range = { low: statistics.low, high: statistics.high };
    if (!histogram) return whole;
    let best = searchBoth(histogram, format, whole);
    for (let round = 0; round < rounds; round++) {
      if (whole.high > 0) best = searchEnd(histogram, format, best, 'high', whole.high);
      if (whole.low < 0) best = searchEnd(histogram, format, best, 'low', whole.low);
    }
    return best;
  },
};

/** Both ends drawn in alike: where zero is in the middle, drawing in one alone gains nothing. */
function searchBoth(histogram: Histogram, format: ActivationFormat, whole: Range): Range {
  let [best, least] = [whole, squaredError(histogram, format, whole)];
  for (let step = 1; step < steps; step++) {
    const candidate = { low: (whole.low * step) / steps, high: (whole.high * step) / steps };
    const error = squaredError(histogram, format, candidate);
    if (error < least) [best, least] = [candidate, error];
  }
  return best;
}

function searchEnd(
  histogram: Histogram,
  format: ActivationFormat,
  start: Range,
  end: keyof Range,
  extreme: number,
): Range {
  let best = start;
  let least = squaredError(histogram, format, start);
  for (let step = 1; step <= steps; step++) {
    const candidate = { ...start, [end]: (extreme * step) / steps };
    const error = squaredError(histogram, format, candidate);
    // Of equal errors the wider range: it clips less of what calibration has not seen.
    if (error < least || (error === least && step === steps)) [best, least] = [candidate, error];
  }
  return best;
}

/** Σ count * (x - x̂)² over the bins' middles. */
function squaredError({ low, binWidth, counts }: Histogram, format: ActivationFormat, range: Range): number {
  const { scale, zeroPoint } = computeActivationScale(range, format);
  const limits = integerLimits[format.elementType];
  let error = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    if (counts[bin] === 0) continue;
    const x = low + (bin + 0.5) * binWidth;
    const code = Math.min(limits.high, Math.max(limits.low, Math.round(x / scale) + zeroPoint));
    error += counts[bin]! * (x - scale * (code - zeroPoint)) ** 2;
  }
  return error;
}
