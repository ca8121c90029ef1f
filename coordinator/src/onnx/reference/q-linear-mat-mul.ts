import { matMulInteger, parameterOf } from './mat-mul-integer.ts';
import { computeMultiplier, requantize } from './requantize.ts';
import { createValue, type Value } from './value.ts';

/** A quantized tensor with what its codes mean: real = scale * (code - zeroPoint). */
export interface Quantized {
  readonly value: Value;
  readonly scale: Value;
  readonly zeroPoint: Value;
}

export interface QLinearMatMulInputs {
  /** 8 bits, [..., M, K]; one scale, or one per row. */
  readonly a: Quantized;
  /** 8 bits, [..., K, N]; one scale, or one per column. */
  readonly b: Quantized;
  /** One; gives the type of the result. */
  readonly yScale: Value;
  readonly yZeroPoint: Value;
}

/**
 * The matrix product of two quantized tensors as a quantized tensor: `matMulInteger`, then `requantize`. Scales of
 * float16 are used as they are, in float32 steps. Errors as `matMulInteger`. Source: QLinearMatMul-21 in ONNX's
 * Operators.md.
 */
export function qLinearMatMul({ a, b, yScale, yZeroPoint }: QLinearMatMulInputs): Value {
  const sums = matMulInteger({
    a: a.value,
    b: b.value,
    aZeroPoint: a.zeroPoint,
    bZeroPoint: b.zeroPoint,
  });
  const m = a.value.dims.length === 1 ? 1 : a.value.dims.at(-2)!;
  const n = b.value.dims.length === 1 ? 1 : b.value.dims.at(-1)!;
  const data = Array.from(sums.data, (sum, i) => {
    const aScale = parameterOf(a.scale, Math.floor(i / n), m);
    const bScale = parameterOf(b.scale, Math.floor(i / (m * n)) * n + (i % n), n);
    const multiplier = computeMultiplier(aScale, bScale, yScale.data[0]!);
    return requantize(sum, {
      multiplier,
      zeroPoint: yZeroPoint.data[0]!,
      elementType: yZeroPoint.elementType,
    });
  });
  return createValue(yZeroPoint.elementType, sums.dims, data);
}
