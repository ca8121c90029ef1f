import { QfleetError } from '@qfleet/shared/errors.ts';
import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';
import {
  type ActivationFormat,
  computeActivationScale,
  computeWeightScale,
  int8Weights,
  integerLimits,
  largestWeight,
  middleOf,
  type Range,
  type ScaleAndZeroPoint,
  uint8Activations,
  type WeightFormat,
} from './compute-scale.ts';

/** A float32 tensor by channel: element i is of channel floor(i / inner) % channels. */
export interface WeightLayout {
  readonly values: Float32Array;
  readonly dims: readonly number[];
  /** Channel axis; undefined: one scale for the whole tensor. */
  readonly axis: number | undefined;
}

/** Scales of symmetric weights, one per channel or one alone. Throws `refused` for NaN and infinities. */
export function computeWeightScales(
  weight: WeightLayout,
  name: string,
  format: WeightFormat = int8Weights,
): Float32Array {
  const { channels, inner } = channelLayout(weight);
  const lows = new Float64Array(channels);
  const highs = new Float64Array(channels);
  for (let i = 0; i < weight.values.length; i++) {
    const value = weight.values[i]!;
    if (!Number.isFinite(value)) throw notFinite(name, i, value);
    const channel = Math.floor(i / inner) % channels;
    if (value < lows[channel]!) lows[channel] = value;
    if (value > highs[channel]!) highs[channel] = value;
  }
  return Float32Array.from({ length: channels }, (_, c) =>
    computeWeightScale({ low: lows[c]!, high: highs[c]! }, format),
  );
}

/** q = clip(round(w / scale)), the division in float32, ties to even: `quantize_nparray` of onnxruntime. */
export function quantizeWeight(weight: WeightLayout, scales: Float32Array): Int8Array;
export function quantizeWeight(
  weight: WeightLayout,
  scales: Float32Array,
  format: WeightFormat,
): Int8Array | Uint8Array;
export function quantizeWeight(
  weight: WeightLayout,
  scales: Float32Array,
  { elementType, bits }: WeightFormat = int8Weights,
): Int8Array | Uint8Array {
  const { channels, inner } = channelLayout(weight);
  const middle = middleOf(elementType);
  const largest = largestWeight(bits);
  const quantize = (value: number, i: number): number => {
    const rounded = roundHalfEven(Math.fround(value / scales[Math.floor(i / inner) % channels]!));
    return middle + Math.max(-largest, Math.min(largest, rounded));
  };
  return createIntegers(elementType, weight.values.length, (i) => quantize(weight.values[i]!, i)) as
    | Int8Array
    | Uint8Array;
}

/** A constant operand of Add, Mul or Concat in the activations' format, for integer kernels want both of one type. */
export function quantizeOperand(
  values: Float32Array,
  name: string,
  format: ActivationFormat = uint8Activations,
): ScaleAndZeroPoint & { readonly data: Integers } {
  const { scale, zeroPoint } = computeActivationScale(rangeOf(values, name), format);
  const { low, high } = integerLimits[format.elementType];
  const data = createIntegers(format.elementType, values.length, (i) =>
    Math.max(low, Math.min(high, roundHalfEven(Math.fround(values[i]! / scale)) + zeroPoint)),
  );
  return { scale, zeroPoint, data };
}

type Integers = Uint8Array | Int8Array | Uint16Array | Int16Array;

/** An array of a type's integers, filled place by place. */
export function createIntegers(
  elementType: ActivationFormat['elementType'],
  length: number,
  valueAt: (i: number) => number,
): Integers {
  const integers: Integers = new integerArrays[elementType](length);
  for (let i = 0; i < length; i++) integers[i] = valueAt(i);
  return integers;
}

const integerArrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
} as const;

/** Biases as int32 with the scale that the accumulator has: s_x * s_w, the product in float32. */
export interface QuantizedBias {
  readonly scales: Float32Array;
  readonly data: Int32Array;
}

/**
 * Raises weight scales whose product with the input's scale is too small for the bias to fit an int32, which
 * would clip it: a bias b needs s_x * s_w ≥ 1.0001 * 2|b| / (2^32 - 2). Returns how many were raised. The same
 * as `_adjust_weight_scale_for_int32_bias` of onnxruntime.quantization, and differently from it the product is a normal
 * float32 at least, whatever the bias: a bias cannot be divided by less.
 */
export function raiseScalesForBias(
  weightScales: Float32Array,
  inputScale: number,
  bias: Float32Array,
): number {
  let raised = 0;
  for (let c = 0; c < weightScales.length; c++) {
    const largest = weightScales.length === 1 ? largestMagnitude(bias) : Math.abs(bias[c]!);
    const smallestValid = Math.max((1.0001 * (2 * largest)) / (2 ** 32 - 2), smallestProduct);
    const product = inputScale * weightScales[c]!;
    if (product >= smallestValid) continue;
    weightScales[c] = weightScales[c]! * (smallestValid / product);
    raised++;
  }
  return raised;
}

/** Twice the smallest normal float32, so that rounding the factors does not lead below it. */
const smallestProduct = 2 ** -125;

/** round(b / (s_x * s_w)), ties to even, divided in float64; zero point 0. No product may be 0: `raiseScalesForBias`. */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  weightScales: Float32Array,
): QuantizedBias {
  const scales = weightScales.map((scale) => inputScale * scale);
  const data = Int32Array.from(bias, (value, c) => {
    const rounded = roundHalfEven(value / scales[scales.length === 1 ? 0 : c]!);
    return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, rounded));
  });
  return { scales, data };
}

function channelLayout({ values, dims, axis }: WeightLayout): { channels: number; inner: number } {
  if (axis === undefined) return { channels: 1, inner: Math.max(1, values.length) };
  const inner = dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  return { channels: dims[axis]!, inner };
}

function rangeOf(values: Float32Array, name: string): Range {
  let [low, high] = [0, 0];
  for (const [i, value] of values.entries()) {
    if (!Number.isFinite(value)) throw notFinite(name, i, value);
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { low, high };
}

function largestMagnitude(values: Float32Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

function notFinite(name: string, index: number, value: number): QfleetError {
  return new QfleetError(
    'refused',
    `Weight "${name}" holds ${value} at element ${index}; expected finite numbers.`,
    {
      hint: 'The training diverged or the export is damaged: check the model in its framework.',
    },
  );
}
