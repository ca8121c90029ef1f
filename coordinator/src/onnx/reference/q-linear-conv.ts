import { countElements } from '../tensor.ts';
import { convInteger } from './conv-integer.ts';
import type { ConvAttributes } from './conv-window.ts';
import { parameterOf } from './mat-mul-integer.ts';
import type { Quantized } from './q-linear-mat-mul.ts';
import { computeMultiplier, requantize } from './requantize.ts';
import { createValue, type Value } from './value.ts';

export interface QLinearConvInputs {
  /** 8 bits, [N, C, ...]; one scale. */
  readonly x: Quantized;
  /** 8 bits, [M, C / group, ...]; one scale, or one per output channel. */
  readonly w: Quantized;
  /** One; gives the type of the result. */
  readonly yScale: Value;
  readonly yZeroPoint: Value;
  /** int32 [M], of scale x.scale * w.scale and zero point 0. */
  readonly bias?: Value | undefined;
}

/**
 * The convolution of two quantized tensors as a quantized tensor, [N, M, ...]: `convInteger`, plus the bias in int32,
 * then `requantize`. Errors as `convInteger`. Source: QLinearConv-10 in ONNX's Operators.md.
 */
export function qLinearConv(
  { x, w, yScale, yZeroPoint, bias }: QLinearConvInputs,
  attributes: ConvAttributes = {},
): Value {
  const sums = convInteger(
    { x: x.value, w: w.value, xZeroPoint: x.zeroPoint, wZeroPoint: w.zeroPoint },
    attributes,
  );
  const channels = sums.dims[1]!;
  const places = countElements(sums.dims.slice(2));
  const data = Array.from(sums.data, (sum, i) => {
    const channel = Math.floor(i / places) % channels;
    const wScale = parameterOf(w.scale, channel, channels);
    const multiplier = computeMultiplier(x.scale.data[0]!, wScale, yScale.data[0]!);
    const withBias = (sum + (bias?.data[channel] ?? 0)) | 0;
    const target = { multiplier, zeroPoint: yZeroPoint.data[0]!, elementType: yZeroPoint.elementType };
    return requantize(withBias, target);
  });
  return createValue(yZeroPoint.elementType, sums.dims, data);
}
