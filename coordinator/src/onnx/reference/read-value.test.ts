import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '../tensor.ts';
import { readValue } from './read-value.ts';

test('int4 and uint4 come two to a byte, the first in the low nibble', () => {
  const bytes = Uint8Array.of(0x8f, 0x07);
  assert.deepEqual([...readAll('int4', [3], bytes)], [-1, -8, 7]);
  assert.deepEqual([...readAll('uint4', [3], bytes)], [15, 8, 7]);
  assert.throws(() => readAll('int4', [5], bytes), { code: 'refused', message: /needs 3 bytes/ });
});

test('float16 is decoded', () => {
  assert.deepEqual([...readAll('float16', [3], Uint16Array.of(0x3c00, 0xb800, 0x7c00))], [1, -0.5, Infinity]);
});

for (const type of ['float8e4m3fn', 'float8e5m2', 'float4e2m1', 'int64']) {
  test(`${type} is refused by its name, for nothing here quantizes to it`, () => {
    const data = type === 'int64' ? BigInt64Array.of(1n) : Uint8Array.of(1);
    assert.throws(() => readAll(type, [1], data), { code: 'unsupported', message: new RegExp(type) });
  });
}

function readAll(
  elementType: string,
  dims: readonly number[],
  data: Parameters<typeof createTensor>[3],
): number[] {
  return Array.from(readValue(createTensor('t', elementType, dims, data)).data);
}
