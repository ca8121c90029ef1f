import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';
import { type Granularity, parameterIndex } from './parameter-index.ts';
import { createValue, integerLimits, roundToType, type Value } from './value.ts';

export interface QuantizeLinearInputs {
  /** float32, float16 or int32. */
  readonly x: Value;
  readonly scale: Value;
  /** Gives the type of the result. */
  readonly zeroPoint?: Value | undefined;
}

export interface QuantizeLinearAttributes extends Granularity {
  /** Type of the result where there is no zero point; uint8 by default. */
  readonly elementType?: string | undefined;
}

/**
 * y = saturate(round(x / scale) + zeroPoint): the quotient rounded to the scale's type (the default of the
 * attribute `precision`), then to a whole number with ties to even; saturation comes last, so that a zero point may
 * bring a quotient back into range. The shape of x; infinities saturate, NaN stays NaN, for ONNX does not say
 * which code it has. Source: QuantizeLinear-23 in ONNX's Operators.md.
 */
export function quantizeLinear(
  { x, scale, zeroPoint }: QuantizeLinearInputs,
  { elementType = 'uint8', ...granularity }: QuantizeLinearAttributes = {},
): Value {
  const type = zeroPoint?.elementType ?? elementType;
  const indexOf = parameterIndex(x.dims, scale.dims, granularity);
  const data = Array.from(x.data, (value, i) => {
    const quotient = roundToType(value / scale.data[indexOf(i)]!, scale.elementType);
    return saturate(roundHalfEven(quotient) + (zeroPoint?.data[indexOf(i)] ?? 0), type);
  });
  return createValue(type, x.dims, data);
}

/** Brings a whole number into the range of an integer type; throws as `integerLimits`. */
export function saturate(value: number, elementType: string): number {
  const { low, high } = integerLimits(elementType);
  return Math.max(low, Math.min(high, value));
}
