import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toFloat32 } from './to-float32.ts';

describe('toFloat32', () => {
  it('reads half precision from its bits', () => {
    const data = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x8000);
    assert.deepEqual(
      [...toFloat32({ type: 'float16', data, dims: [7] })],
      [1, -2, 2 ** -24, 65504, Infinity, -Infinity, -0],
    );
    assert.ok(Number.isNaN(toFloat32({ type: 'float16', data: Uint16Array.of(0x7e00), dims: [1] })[0]));
  });

  it('rounds 64-bit integers and refuses text', () => {
    assert.deepEqual([...toFloat32({ type: 'int64', data: BigInt64Array.of(-3n, 7n), dims: [2] })], [-3, 7]);
    assert.throws(() => toFloat32({ type: 'string', data: ['cat'], dims: [1] }), /string/);
  });
});
