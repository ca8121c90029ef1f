import { QfleetError } from '@qfleet/shared/errors.ts';
import { countElements } from '../tensor.ts';

/** How QuantizeLinear and DequantizeLinear spread a scale over a tensor: their attributes of the same names. */
export interface Granularity {
  /** Counted from the end where negative; 1 by default. Without meaning for one scale per tensor. */
  readonly axis?: number | undefined;
  /** Elements along the axis that share one scale; 0, the default: all along the other axes. */
  readonly blockSize?: number | undefined;
}

/**
 * From an element's place in a tensor to the place of its scale. One scale: per tensor. One dimension: one scale
 * per slice across the axis. With a block size: the scale has the tensor's shape, but ceil(d / blockSize) along the
 * axis. Throws `shape-mismatch` for scales that fit none. Source: QuantizeLinear-21 in ONNX's Operators.md.
 */
export function parameterIndex(
  dims: readonly number[],
  scaleDims: readonly number[],
  { axis = 1, blockSize = 0 }: Granularity,
): (element: number) => number {
  if (blockSize === 0 && countElements(scaleDims) === 1) return () => 0;
  const along = axis < 0 ? axis + dims.length : axis;
  const size = dims[along]!;
  const inner = countElements(dims.slice(along + 1));
  const expected = blockSize === 0 ? [size] : dims.with(along, Math.ceil(size / blockSize));
  refuseOther(scaleDims, expected);
  if (blockSize === 0) return (element) => Math.floor(element / inner) % size;
  return (element) => {
    const outer = Math.floor(element / (inner * size));
    const block = Math.floor((Math.floor(element / inner) % size) / blockSize);
    return (outer * expected[along]! + block) * inner + (element % inner);
  };
}

function refuseOther(found: readonly number[], expected: readonly number[]): void {
  if (found.length === expected.length && expected.every((size, i) => size === found[i])) return;
  throw new QfleetError(
    'shape-mismatch',
    `Expected scales of shape [${expected.join(', ')}], got [${found.join(', ')}].`,
  );
}
