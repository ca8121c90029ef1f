import { roundToFloat16 } from '@qfleet/shared/inputs/round-to-float16.ts';

/** The number that 16 bits of IEEE 754 binary16 stand for: 1 sign, 5 exponent (bias 15), 10 fraction. */
export function decodeHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // Below the smallest normal number the exponent stays at -14 and the hidden bit is 0.
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The half-precision number nearest to a float32, ties to even. */
export function roundToHalf(value: number): number {
  return decodeHalf(roundToFloat16(value));
}
