import { type ActivationFormat, integerLimits } from '../../static/compute-scale.ts';
import type { Observer } from './observer.ts';
import { type Histogram, readHistogram } from './read-histogram.ts';

/** Bins of the magnitudes; where both signs occur about as wide as those of the signed values. */
const magnitudeBins = 1024;
/** Thresholds are tried at every so many bins. */
const stride = 4;

/**
 * The threshold T at which the quantized distribution of magnitudes loses least information, by Kullback-Leibler
 * divergence: TensorRT's method (Migacz, GTC 2017, S7310), which onnxruntime.quantization calls Entropy. The range is
 * -T to T, cut to what was seen; where all values have one sign, that side has all levels.
 */
export const entropy: Observer = {
  method: 'entropy',
  description: 'least information lost (Kullback-Leibler, as TensorRT)',
  needsHistogram: true,
  chooseRange(statistics, format) {
    const histogram = readHistogram(statistics);
    const { low, high } = statistics;
    if (!histogram) return { low, high };
    const threshold = findThreshold(histogram, levelsOf(format, low < 0 && high > 0));
    return { low: Math.max(low, -threshold), high: Math.min(high, threshold) };
  },
};

/** Integers that magnitudes are spread over: half of them where both signs need some. */
function levelsOf({ elementType, symmetric }: ActivationFormat, isTwoSided: boolean): number {
  const { low, high } = integerLimits[elementType];
  return (high - low + 1) / (isTwoSided || symmetric ? 2 : 1);
}

function findThreshold(histogram: Histogram, levels: number): number {
  const largest = Math.max(Math.abs(histogram.low), Math.abs(histogram.high));
  const magnitudes = foldMagnitudes(histogram, largest);
  let best = magnitudeBins;
  let least = Number.POSITIVE_INFINITY;
  for (let bins = levels; bins <= magnitudeBins; bins += stride) {
    const divergence = divergenceAt(magnitudes, bins, levels);
    if (divergence <= least) [best, least] = [bins, divergence];
  }
  return (best / magnitudeBins) * largest;
}

function foldMagnitudes({ low, binWidth, counts }: Histogram, largest: number): Float64Array {
  const folded = new Float64Array(magnitudeBins);
  for (const [bin, count] of counts.entries()) {
    const magnitude = Math.abs(low + (bin + 0.5) * binWidth);
    folded[Math.min(magnitudeBins - 1, Math.floor((magnitude / largest) * magnitudeBins))]! += count;
  }
  // Exact zeros (Relu, padding) are exact after quantizing too; as a spike they would hide everything else.
  folded[0] = folded[1]!;
  return folded;
}

/** KL(P ‖ Q): P the first bins with all beyond added to the last, Q those bins merged into levels and spread again. */
function divergenceAt(magnitudes: Float64Array, bins: number, levels: number): number {
  const beyond = magnitudes.subarray(bins).reduce((sum, count) => sum + count, 0);
  const perLevel = bins / levels;
  let total = beyond;
  for (let bin = 0; bin < bins; bin++) total += magnitudes[bin]!;
  if (total === 0) return Number.POSITIVE_INFINITY;
  let kept = total - beyond;
  if (kept === 0) kept = 1;
  let divergence = 0;
  for (let level = 0; level < levels; level++) {
    const start = Math.floor(level * perLevel);
    const end = level === levels - 1 ? bins : Math.floor((level + 1) * perLevel);
    let [sum, filled] = [0, 0];
    for (let bin = start; bin < end; bin++) {
      sum += magnitudes[bin]!;
      if (magnitudes[bin]! > 0 || (bin === bins - 1 && beyond > 0)) filled++;
    }
    for (let bin = start; bin < end; bin++) {
      const p = (magnitudes[bin]! + (bin === bins - 1 ? beyond : 0)) / total;
      if (p === 0) continue;
      // A bin that only outliers fill has no share of its own: the smallest there is, as scipy's smoothing gives.
      const q = Math.max(sum / Math.max(1, filled) / kept, smallestShare);
      divergence += p * Math.log(p / q);
    }
  }
  return divergence;
}

const smallestShare = 1e-6;
