import { countElements } from '../tensor.ts';
import { type ConvAttributes, planConv, windowAt } from './conv-window.ts';
import { parameterOf } from './mat-mul-integer.ts';
import { createValue, type Value } from './value.ts';

export interface ConvIntegerInputs {
  /** 8 bits, [N, C, ...]. */
  readonly x: Value;
  /** 8 bits, [M, C / group, ...]. */
  readonly w: Value;
  readonly xZeroPoint?: Value | undefined;
  /** One, or one per output channel. */
  readonly wZeroPoint?: Value | undefined;
}

/**
 * The int32 convolution of x - xZeroPoint with w - wZeroPoint, [N, M, ...]; the padding is real 0, that is code
 * xZeroPoint, and adds nothing. Sums are exact and then wrap to 32 bits. Throws `shape-mismatch`. Source:
 * ConvInteger-10 in ONNX's Operators.md.
 */
export function convInteger(inputs: ConvIntegerInputs, attributes: ConvAttributes = {}): Value {
  const { x, w } = inputs;
  const axes = planConv(x.dims, w.dims, attributes);
  const places = countElements(axes.map(({ output }) => output));
  const channels = w.dims[0]!;
  const groupChannels = channels / (attributes.group ?? 1);
  const windows = Array.from({ length: places }, (_, place) => windowAt(axes, place));
  const data = new Int32Array(x.dims[0]! * channels * places);
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / places) % channels;
    const image = Math.floor(i / (places * channels));
    const firstInput = image * x.dims[1]! + Math.floor(channel / groupChannels) * w.dims[1]!;
    data[i] = sumWindow(inputs, windows[i % places]!, channel, firstInput);
  }
  return createValue('int32', [x.dims[0]!, channels, ...axes.map(({ output }) => output)], data);
}

/** One sum: over the input channels of a group from `firstInput` on, and over the places of the kernel. */
function sumWindow(
  { x, w, xZeroPoint, wZeroPoint }: ConvIntegerInputs,
  window: readonly (number | undefined)[],
  channel: number,
  firstInput: number,
): number {
  const imageSize = countElements(x.dims.slice(2));
  const xZero = xZeroPoint?.data[0] ?? 0;
  const wZero = parameterOf(wZeroPoint, channel, w.dims[0]!);
  let sum = 0;
  for (let input = 0; input < w.dims[1]!; input++) {
    for (const [k, at] of window.entries()) {
      if (at === undefined) continue;
      const weight = w.data[(channel * w.dims[1]! + input) * window.length + k]! - wZero;
      sum += (x.data[(firstInput + input) * imageSize + at]! - xZero) * weight;
    }
  }
  return sum | 0;
}
