import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';

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

/** Integers that a tensor's values become. */
export interface ActivationFormat {
  readonly elementType: 'uint8' | 'int8' | 'uint16' | 'int16';
  /** Zero in the middle of the integers; otherwise wherever the range puts it. */
  readonly symmetric: boolean;
}

/** Weights are symmetric always: integer kernels are fastest so, and per channel some take nothing else. */
export interface WeightFormat {
  readonly elementType: 'int8' | 'uint8';
  /** 7: half the range, so that two products fit the 16 bits in which x86 without VNNI adds them. */
  readonly bits: 8 | 7;
}

export const uint8Activations: ActivationFormat = { elementType: 'uint8', symmetric: false };
export const int8Weights: WeightFormat = { elementType: 'int8', bits: 8 };

/** Smallest and largest integer of a type. */
export const integerLimits: Readonly<Record<ActivationFormat['elementType'], Range>> = {
  uint8: { low: 0, high: 255 },
  int8: { low: -128, high: 127 },
  uint16: { low: 0, high: 65535 },
  int16: { low: -32768, high: 32767 },
};

/** Smallest normal float32: a smaller scale counts as none. */
const smallestNormal = 2 ** -126;

/**
 * Scale and zero point of activations: the range is widened to hold 0, the scale is computed in float64 and
 * rounded to float32, the zero point half to even from the unrounded scale. Symmetric: the smallest integer
 * is left out, so that both sides reach equally far. A range of nothing but 0 has scale 1. The same as
 * `compute_scale_zp` of onnxruntime.quantization.
 */
export function computeActivationScale(
  range: Range,
  { elementType, symmetric }: ActivationFormat = uint8Activations,
): ScaleAndZeroPoint {
  const limits = integerLimits[elementType];
  const low = Math.min(range.low, 0);
  const high = Math.max(range.high, 0);
  const middle = middleOf(elementType);
  if (symmetric) return { scale: symmetricScale(range, limits.high - middle), zeroPoint: middle };
  const scale = (high - low) / (limits.high - limits.low);
  if (scale < smallestNormal) return { scale: 1, zeroPoint: limits.low === 0 ? 0 : middle };
  return { scale: Math.fround(scale), zeroPoint: roundHalfEven(limits.low - low / scale) };
}

/** Scale of symmetric weights, ±127 or with 7 bits ±64; the same as `compute_scale_zp` with symmetric = True. */
export function computeWeightScale(range: Range, { bits }: WeightFormat = int8Weights): number {
  return symmetricScale(range, largestWeight(bits));
}

/** The zero point of a symmetric type: 0 of signed, the middle of unsigned ones. */
export function middleOf(elementType: ActivationFormat['elementType']): number {
  const { low, high } = integerLimits[elementType];
  return low === 0 ? (high + 1) / 2 : 0;
}

/** Steps on either side of 0: 127 of 8 bits, 64 of 7 (255 · (64 + 64) fits an int16). */
export function largestWeight(bits: WeightFormat['bits']): number {
  return bits === 7 ? 64 : 127;
}

function symmetricScale(range: Range, steps: number): number {
  const largest = Math.max(Math.abs(Math.min(range.low, 0)), Math.abs(Math.max(range.high, 0)));
  const scale = largest / steps;
  return scale < smallestNormal ? 1 : Math.fround(scale);
}
