import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../random.ts';
import { median } from './median.ts';
import { orderStatisticInterval, orderStatisticRanks } from './order-statistic-interval.ts';
import { percentile, samplesNeeded } from './percentile.ts';
import { poolSamples, weightedPercentile } from './pooled-percentile.ts';

const oneTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

test('p99 is unavailable under 500 samples and p99.9 under 5000, with the count in the reason', () => {
  assert.deepEqual(percentile(oneTo(120), 0.99), { available: false, reason: 'n-too-small: 120 of 500' });
  assert.deepEqual(percentile(oneTo(4999), 0.999), { available: false, reason: 'n-too-small: 4999 of 5000' });
  assert.deepEqual(percentile(oneTo(500), 0.99), { available: true, value: 495 });
  assert.deepEqual(percentile(oneTo(5000), 0.999), { available: true, value: 4995 });
  assert.equal(samplesNeeded(0.5), 1);
});

test('a percentile is a sample that at least p of all samples do not exceed, and the smallest such', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 50, maxLength: 200 }),
      fc.integer({ min: 1, max: 95 }),
      (values, percent) => {
        const sorted = values.sort((a, b) => a - b);
        const result = percentile(sorted, percent / 100);
        assert.ok(result.available);
        const atMost = sorted.filter((value) => value <= result.value).length;
        const below = sorted.filter((value) => value < result.value).length;
        assert.ok(atMost * 100 >= percent * sorted.length);
        assert.ok(below * 100 < percent * sorted.length);
      },
    ),
    { seed: 4, numRuns: 200 },
  );
});

test('the median of an even count is the mean of the middle two', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([9, 1, 5]), 5);
  assert.throws(() => median([]), RangeError);
});

/* Ranks as R's `qbinom(c(.025, .975), n, p)` gives them; n = 100, 500 and 1000 stand in textbooks. */
test('order-statistic ranks are the known ones, and none exist where n is too small', () => {
  const ranks = (n: number, p: number) => {
    const found = orderStatisticRanks(n, p);
    return found && [found.lowRank, found.highRank];
  };
  assert.deepEqual(ranks(100, 0.5), [40, 61]);
  assert.deepEqual(ranks(1000, 0.99), [983, 997]);
  assert.equal(ranks(100, 0.99), undefined);
  assert.equal(ranks(1000, 0.999), undefined);
  assert.equal(ranks(5, 0.5), undefined);
  assert.deepEqual(ranks(6, 0.5), [1, 6]);
});

test('the order-statistic interval covers what it says', () => {
  const random = createRandom(7);
  let covered = 0;
  const replicates = 2000;
  for (let i = 0; i < replicates; i++) {
    const sample = Float64Array.from({ length: 60 }, () => -Math.log(1 - random.next())).sort();
    const interval = orderStatisticInterval(sample, 0.75);
    assert.ok(interval);
    if (interval.low <= Math.log(4) && Math.log(4) <= interval.high) covered++;
  }
  assert.ok(covered / replicates >= 0.94, `covered ${covered} of ${replicates}`);
});

test('a weighted percentile equals the percentile of the launches repeated that often', () => {
  const launch = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(
      fc.tuple(launch, launch, launch),
      fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)),
      fc.integer({ min: 1, max: 89 }),
      (launches, weights, percent) => {
        fc.pre(weights.some((weight) => weight > 0));
        const repeated = launches.flatMap((values, i) => Array(weights[i]!).fill(values).flat() as number[]);
        const expected = percentile(
          repeated.sort((a, b) => a - b),
          percent / 100,
        );
        assert.ok(expected.available);
        assert.equal(weightedPercentile(poolSamples(launches), weights, percent / 100), expected.value);
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});
