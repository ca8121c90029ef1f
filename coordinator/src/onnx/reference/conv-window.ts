import { QfleetError } from '@qfleet/shared/errors.ts';

/** Attributes of a convolution, as ONNX names them; any number of spatial axes. */
export interface ConvAttributes {
  readonly group?: number | undefined;
  readonly strides?: readonly number[] | undefined;
  readonly dilations?: readonly number[] | undefined;
  /** All beginnings, then all ends. */
  readonly pads?: readonly number[] | undefined;
  readonly autoPad?: string | undefined;
}

/** Where a kernel stands on one spatial axis. */
export interface Axis {
  readonly input: number;
  readonly kernel: number;
  readonly output: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
}

/**
 * The spatial axes of a convolution of x [N, C, ...] with w [M, C / group, ...], defaults filled in. SAME_UPPER puts
 * the odd padding at the end, SAME_LOWER at the beginning. Throws `shape-mismatch` where channels or ranks do not
 * fit. Source: Conv-11 in ONNX's Operators.md.
 */
export function planConv(x: readonly number[], w: readonly number[], attributes: ConvAttributes): Axis[] {
  const group = attributes.group ?? 1;
  if (x.length !== w.length || x[1] !== w[1]! * group || w[0]! % group !== 0) {
    throw new QfleetError(
      'shape-mismatch',
      `A convolution of [${x.join(', ')}] with [${w.join(', ')}] in ${group} group(s) does not fit.`,
    );
  }
  return x.slice(2).map((_, i) => planAxis(i, x, w, attributes));
}

function planAxis(i: number, x: readonly number[], w: readonly number[], attributes: ConvAttributes): Axis {
  const [input, kernel] = [x[i + 2]!, w[i + 2]!];
  const stride = attributes.strides?.[i] ?? 1;
  const dilation = attributes.dilations?.[i] ?? 1;
  const reach = (kernel - 1) * dilation + 1;
  const isSame = attributes.autoPad?.startsWith('SAME') ?? false;
  if (isSame) {
    const output = Math.ceil(input / stride);
    const total = Math.max(0, (output - 1) * stride + reach - input);
    const padBegin = attributes.autoPad === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2);
    return { input, kernel, output, stride, dilation, padBegin };
  }
  const padBegin = attributes.pads?.[i] ?? 0;
  const padEnd = attributes.pads?.[i + x.length - 2] ?? 0;
  const output = Math.floor((input + padBegin + padEnd - reach) / stride) + 1;
  return { input, kernel, output, stride, dilation, padBegin };
}

/** Places of an image of one channel by place of the kernel, at one place of the result; undefined in the padding. */
export function windowAt(axes: readonly Axis[], outputIndex: number): (number | undefined)[] {
  let window: (number | undefined)[] = [0];
  const starts = coordinates(axes, outputIndex).map((at, i) => at * axes[i]!.stride - axes[i]!.padBegin);
  for (const [i, { input, kernel, dilation }] of axes.entries()) {
    window = window.flatMap((outer) =>
      Array.from({ length: kernel }, (_, k) => {
        const at = starts[i]! + k * dilation;
        return outer === undefined || at < 0 || at >= input ? undefined : outer * input + at;
      }),
    );
  }
  return window;
}

function coordinates(axes: readonly Axis[], index: number): number[] {
  let rest = index;
  const found = axes.toReversed().map(({ output }) => {
    const at = rest % output;
    rest = Math.floor(rest / output);
    return at;
  });
  return found.reverse();
}
