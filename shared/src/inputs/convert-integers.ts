import { QfleetError } from '../errors.ts';
import { type TensorData, typedArrayFor } from './typed-array-for.ts';

const ranges: Readonly<Record<string, readonly [least: bigint, most: bigint]>> = {
  bool: [0n, 1n],
  uint8: [0n, 255n],
  int8: [-128n, 127n],
  uint16: [0n, 65_535n],
  int16: [-32_768n, 32_767n],
  uint32: [0n, 2n ** 32n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/**
 * Integers (or truth values) as another integer type, or as bool. Throws `shape-mismatch` for a value that does
 * not fit, with the value and both types, `unsupported` for types that are no integers.
 */
export function convertIntegers(source: TensorData, from: string, to: string): TensorData {
  const Elements = typedArrayFor(to);
  const range = ranges[to];
  if (!ranges[from] || !range)
    throw new QfleetError('unsupported', `Items of ${from} cannot be fed to an input of ${to}.`);
  if (from === to) return source;
  const isBig = to === 'int64' || to === 'uint64';
  const target = new Elements(source.length);
  for (let i = 0; i < source.length; i++) {
    const value = source[i]!;
    if (value < range[0] || value > range[1])
      throw new QfleetError(
        'shape-mismatch',
        `The model's input takes ${to} (${range[0]} to ${range[1]}), the item of ${from} has the value ${value}.`,
        { hint: `Save items whose values fit ${to}.` },
      );
    target[i] = isBig ? BigInt(value) : Number(value);
  }
  return target;
}
