import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateMedian } from './median-interval.ts';

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => n - i);

test('ranks are those of the published table of the sign test', () => {
  // Ranks by the exact binomial distribution, 95 %: Conover, Practical Nonparametric Statistics, table A3.
  const ranks: readonly (readonly [n: number, low: number, high: number])[] = [
    [6, 1, 6],
    [9, 2, 8],
    [12, 3, 10],
    [20, 6, 15],
    [25, 8, 18],
  ];
  for (const [n, low, high] of ranks) {
    const { interval } = estimateMedian(upTo(n));
    assert.deepEqual([interval?.low, interval?.high], [low, high]);
  }
});

test('five values have a median and no interval', () => {
  assert.deepEqual(estimateMedian([5, 1, 4, 2, 3]), { median: 3 });
  assert.deepEqual(estimateMedian([1, 2]), { median: 1.5 });
});
