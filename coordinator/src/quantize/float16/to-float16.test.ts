import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toFloat16 } from './to-float16.ts';

/** The number that a float16 code stands for (IEEE 754 binary16). */
function decode(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(code >> 10) & 31, code & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const codes = Array.from({ length: 65536 }, (_, code) => code);
const isNan = (code: number): boolean => Number.isNaN(decode(code));

describe('toFloat16', () => {
  it('gives back each of the 65536 codes', () => {
    const { bits, clipped, flushed } = toFloat16(Float32Array.from(codes, decode));
    const wrong = codes.filter((code) => (isNan(code) ? !isNan(bits[code]!) : bits[code] !== code));
    assert.deepEqual([wrong, clipped, flushed], [[], 0, 0]);
  });

  it('takes the nearer of two neighbours, and between them the even one', () => {
    const positive = codes.slice(0, 0x7bff);
    const middles = Float32Array.from(positive, (code) => (decode(code) + decode(code + 1)) / 2);
    const even = positive.map((code) => code + (code & 1));
    assert.deepEqual([...toFloat16(middles).bits], even);
    // The next float32 below and above a middle; both sides of subnormals are exact in float32 as well.
    const step = (i: number, by: number): number => {
      const bits = new Uint32Array(middles.buffer.slice(i * 4, i * 4 + 4));
      bits[0]! += by;
      return new Float32Array(bits.buffer)[0]!;
    };
    assert.deepEqual([...toFloat16(middles.map((_, i) => step(i, -1))).bits], positive);
    assert.deepEqual(
      [...toFloat16(middles.map((_, i) => step(i, 1))).bits],
      positive.map((code) => code + 1),
    );
  });

  it('clips what is finite and flushes what is tiny, and counts both; infinities stay', () => {
    const values = Float32Array.of(65504, 65505, -1e9, 2 ** -24, 2 ** -25, -(2 ** -26), 0, -0, 1 / 0, -1 / 0);
    const { bits, clipped, flushed, raised } = toFloat16(values);
    assert.deepEqual([...bits], [0x7bff, 0x7bff, 0xfbff, 1, 0, 0x8000, 0, 0x8000, 0x7c00, 0xfc00]);
    assert.deepEqual([clipped, flushed, raised], [2, 2, 0]);
  });

  it('raises a lone tiny value, for it may be divided by', () => {
    const codesOf = (value: number): number[] => [...toFloat16(Float32Array.of(value)).bits];
    assert.deepEqual([codesOf(1e-12), codesOf(-1e-12), codesOf(0)], [[1], [0x8001], [0]]);
    assert.equal(toFloat16(Float32Array.of(1e-12)).raised, 1);
  });
});
