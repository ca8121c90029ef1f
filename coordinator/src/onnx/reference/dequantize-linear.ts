import { type Granularity, parameterIndex } from './parameter-index.ts';
import { createValue, roundToType, type Value } from './value.ts';

export interface DequantizeLinearInputs {
  /** An integer of 4 to 32 bits. */
  readonly x: Value;
  /** Gives the type of the result: float32 or float16. */
  readonly scale: Value;
  readonly zeroPoint?: Value | undefined;
}

/**
 * y = (x - zeroPoint) * scale. The difference is exact, then rounded to float32 (which matters for int32 beyond
 * 2^24), multiplied in float32 and rounded to the scale's type: the steps of ONNX's own reference
 * (onnx/reference/ops/op_dequantize_linear.py). The shape of x.
 */
export function dequantizeLinear(
  { x, scale, zeroPoint }: DequantizeLinearInputs,
  granularity: Granularity = {},
): Value {
  const indexOf = parameterIndex(x.dims, scale.dims, granularity);
  const data = Float32Array.from(x.data, (value, i) => {
    const difference = Math.fround(value - (zeroPoint?.data[indexOf(i)] ?? 0));
    return roundToType(Math.fround(difference * scale.data[indexOf(i)]!), scale.elementType);
  });
  return createValue(scale.elementType, x.dims, data);
}
