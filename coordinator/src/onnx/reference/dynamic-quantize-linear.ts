import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';
import { quantizeLinear, saturate } from './quantize-linear.ts';
import { createValue, type Value } from './value.ts';

export interface DynamicQuantizeLinearOutputs {
  /** uint8, the shape of x. */
  readonly y: Value;
  /** float32 scalar. */
  readonly scale: Value;
  /** uint8 scalar. */
  readonly zeroPoint: Value;
}

/**
 * Quantizes float32 x to uint8 by its own range, widened to hold 0: scale = (max - min) / 255, zero point =
 * saturate(round(0 - min / scale)), each step in float32. Where all of x is 0 the operator's text divides by 0; the
 * scale is then 1, as in ONNX Runtime (`GetQuantizationParameter`). Source: DynamicQuantizeLinear-11 in ONNX's
 * Operators.md.
 */
export function dynamicQuantizeLinear(x: Value): DynamicQuantizeLinearOutputs {
  const [low, high] = rangeWithZero(x.data);
  const step = low === high ? 1 : Math.fround(Math.fround(high - low) / 255);
  const zero = saturate(roundHalfEven(Math.fround(0 - Math.fround(low / step))), 'uint8');
  const scale = createValue('float32', [], [step]);
  const zeroPoint = createValue('uint8', [], [zero]);
  return { y: quantizeLinear({ x, scale, zeroPoint }), scale, zeroPoint };
}

function rangeWithZero(values: ArrayLike<number>): [low: number, high: number] {
  let [low, high] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return [low, high];
}
