import { QfleetError } from '@qfleet/shared/errors.ts';
import { countElements } from '../tensor.ts';
import { roundToHalf } from './half.ts';

/** A tensor as numbers, row-major, one per element whatever the type: int4 is unpacked, float16 is decoded. */
export interface Value {
  /** ONNX Runtime's name of it: `float32`, `float16`, `uint8`, `int4`, … */
  readonly elementType: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Smallest and largest number of the integer types that ONNX quantizes to or accumulates in. */
const limits: Readonly<Record<string, { readonly low: number; readonly high: number }>> = {
  int4: { low: -8, high: 7 },
  uint4: { low: 0, high: 15 },
  int8: { low: -128, high: 127 },
  uint8: { low: 0, high: 255 },
  int16: { low: -(2 ** 15), high: 2 ** 15 - 1 },
  uint16: { low: 0, high: 2 ** 16 - 1 },
  int32: { low: -(2 ** 31), high: 2 ** 31 - 1 },
};

/** The range of an integer type; throws `unsupported` for floats, 64 bits and types under 4 bits. */
export function integerLimits(elementType: string): { readonly low: number; readonly high: number } {
  const found = limits[elementType];
  if (found) return found;
  throw new QfleetError('unsupported', `The reference has no integers of type ${elementType}.`);
}

/** The nearest number of a float type, ties to even; throws `unsupported` for what is neither float32 nor float16. */
export function roundToType(value: number, elementType: string): number {
  if (elementType === 'float32') return Math.fround(value);
  if (elementType === 'float16') return roundToHalf(value);
  throw new QfleetError('unsupported', `The reference does not calculate in ${elementType}.`);
}

/** A value from its elements; throws `shape-mismatch` where there are more or fewer than the dimensions say. */
export function createValue(elementType: string, dims: readonly number[], data: ArrayLike<number>): Value {
  if (data.length === countElements(dims)) return { elementType, dims, data };
  throw new QfleetError(
    'shape-mismatch',
    `[${dims.join(', ')}] needs ${countElements(dims)} values, got ${data.length}.`,
  );
}
