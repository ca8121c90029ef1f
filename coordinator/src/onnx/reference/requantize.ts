import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';
import { saturate } from './quantize-linear.ts';

/** The step from an int32 sum to the result of QLinearConv and QLinearMatMul. */
export interface Requantization {
  /** From `computeMultiplier`. */
  readonly multiplier: number;
  readonly zeroPoint: number;
  readonly elementType: string;
}

/**
 * aScale * bScale / yScale, in float32 and in this order. ONNX leaves the order free; this is ONNX Runtime's
 * (`ComputeOutputScale` in qlinearconv.cc, likewise in quantize_linear_matmul.cc), and another one
 * may differ by one code where a sum falls on a tie.
 */
export function computeMultiplier(aScale: number, bScale: number, yScale: number): number {
  return Math.fround(Math.fround(aScale * bScale) / yScale);
}

/** saturate(round(sum * multiplier) + zeroPoint), sum and product in float32, ties to even. */
export function requantize(sum: number, { multiplier, zeroPoint, elementType }: Requantization): number {
  const product = Math.fround(Math.fround(sum) * multiplier);
  return saturate(roundHalfEven(product) + zeroPoint, elementType);
}
