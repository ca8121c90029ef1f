import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import { selectTop } from './select-top.ts';

describe('selectTop', () => {
  it('gives ties to the lower index and puts NaN last', () => {
    assert.deepEqual([...selectTop(Float32Array.of(1, 3, 3, Number.NaN, 2), 5)], [1, 2, 4, 0, 3]);
    assert.deepEqual([...selectTop(Float32Array.of(Number.NaN, Number.NaN), 1)], [0]);
  });

  it('agrees with a stable sort for any k', () => {
    const random = createRandom(11);
    for (let round = 0; round < 50; round++) {
      const values = Float32Array.from({ length: 1 + random.below(40) }, () => random.below(8));
      const sorted = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
      const k = 1 + random.below(values.length);
      assert.deepEqual([...selectTop(values, k)], sorted.slice(0, k));
    }
  });
});
