import { roundHalfEven } from './round-half-even.ts';

/** Smallest and largest value seen, float32. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** real = scale * (quantized - zeroPoint) */
export interface ScaleAndZeroPoint {
  /** Exactly representable in float32. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Integers that a tensor's values become; weights leave -128 out, so that they are symmetric. */
export const uint8Limits = { low: 0, high: 255 } as const;
export const int8WeightLimits = { low: -127, high: 127 } as const;

/** Smallest normal float32: a smaller scale counts as none. */
const smallestNormal = 2 ** -126;

/**
 * Scale and zero point of uint8 activations: the range is widened to hold 0, the scale is computed in float64
 * and rounded to float32, the zero point half to even from the unrounded scale. A range of nothing but 0 has
 * scale 1. The same as `compute_scale_zp` of onnxruntime.quantization, asymmetric.
 */
export function computeActivationScale(range: Range): ScaleAndZeroPoint {
  const low = Math.min(range.low, 0);
  const high = Math.max(range.high, 0);
  const scale = (high - low) / (uint8Limits.high - uint8Limits.low);
  if (scale < smallestNormal) return { scale: 1, zeroPoint: 0 };
  return { scale: Math.fround(scale), zeroPoint: roundHalfEven(uint8Limits.low - low / scale) };
}

/** Scale of symmetric int8 weights, ±127, zero point 0; the same as `compute_scale_zp` with symmetric = True. */
export function computeWeightScale(range: Range): number {
  const largest = Math.max(Math.abs(Math.min(range.low, 0)), Math.abs(Math.max(range.high, 0)));
  const scale = (2 * largest) / (int8WeightLimits.high - int8WeightLimits.low);
  return scale < smallestNormal ? 1 : Math.fround(scale);
}
