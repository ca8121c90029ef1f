import { roundToFloat16 } from '@qfleet/shared/inputs/round-to-float16.ts';

/** Largest finite float16. */
const largest = 65504;
/** Smallest float16 above 0, 2^-24. */
const smallestBits = 1;

export interface Float16Values {
  /** Bits of the values. */
  readonly bits: Uint16Array;
  /** Finite values beyond ±65504, which became ±65504. */
  readonly clipped: number;
  /** Values other than 0 that became 0, being nearer to it than to ±2^-24. */
  readonly flushed: number;
  /** 1 where a lone such value became ±2^-24 instead. */
  readonly raised: number;
}

/**
 * The nearest float16 of each value, ties to even, subnormals kept; finite stays finite, infinities and NaN stay
 * what they are. A lone value never becomes 0: it is mostly the epsilon that keeps a divisor away from 0, and
 * becomes ±2^-24 (as all tiny values do in onnxconverter-common's float16.py).
 */
export function toFloat16(values: Float32Array): Float16Values {
  const bits = new Uint16Array(values.length);
  let [clipped, flushed] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const isTooLarge = Math.abs(value) > largest && Number.isFinite(value);
    bits[i] = roundToFloat16(isTooLarge ? Math.sign(value) * largest : value);
    if (isTooLarge) clipped++;
    else if (value !== 0 && (bits[i]! & 0x7fff) === 0) flushed++;
  }
  if (values.length > 1 || flushed === 0) return { bits, clipped, flushed, raised: 0 };
  return { bits: bits.map((code) => code | smallestBits), clipped, flushed: 0, raised: 1 };
}
