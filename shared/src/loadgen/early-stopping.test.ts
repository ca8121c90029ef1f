import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  discardedQueries,
  estimatePercentile,
  keepsBound,
  plainPercentile,
  queriesNeeded,
} from './early-stopping.ts';

test('the fewest queries of each percentile are LoadGen’s', () => {
  const fewest = [0.5, 0.9, 0.95, 0.97, 0.99, 0.999].map((percentile) => queriesNeeded(1, percentile));
  assert.deepEqual(fewest, [11, 64, 130, 219, 662, 6636]);
});

for (const [queries, percentile, expected] of [
  [63, 0.9, undefined],
  [64, 0.9, 0],
  [100, 0.9, 2],
  [128, 0.9, 4],
  [1024, 0.9, 79],
  [7914, 0.9, 728],
  [259_480, 0.9, 25_591],
  [661, 0.99, undefined],
  [662, 0.99, 0],
  [1024, 0.99, 2],
  [7914, 0.99, 57],
] as const) {
  test(`of ${queries} queries ${expected ?? 'too few to say'} are discarded at ${percentile}`, () => {
    assert.equal(discardedQueries(queries, percentile), expected);
  });
}

test('the estimate lies above the plain percentile, and the one beyond the discarded ones is taken', () => {
  const sorted = Float64Array.from({ length: 1024 }, (_, i) => i);
  assert.deepEqual(estimatePercentile(sorted, 0.9), { available: true, valueNs: 1024 - 80, discarded: 79 });
  assert.equal(plainPercentile(sorted, 0.9), 921);
});

test('a bound is kept with exactly as many queries as the test needs, and not with one fewer', () => {
  for (const overBound of [0, 1, 7, 1500]) {
    const queries = queriesNeeded(overBound, 0.99);
    assert.equal(keepsBound({ queries, overBound, percentile: 0.99 }), true);
    assert.equal(keepsBound({ queries: queries - 1, overBound, percentile: 0.99 }), false);
  }
});
