import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { binomialProbability } from './binomial.ts';
import { clopperPearson } from './clopper-pearson.ts';
import type { Interval } from './interval.ts';
import { mcnemarExact } from './mcnemar-exact.ts';
import { newcombePaired } from './newcombe-paired.ts';
import { wilson } from './wilson.ts';

function assertInterval(actual: Interval, low: number, high: number, tolerance: number): void {
  assert.ok(Math.abs(actual.low - low) < tolerance, `low: expected ${low}, got ${actual.low}`);
  assert.ok(Math.abs(actual.high - high) < tolerance, `high: expected ${high}, got ${actual.high}`);
}

/* Reference values: SciPy 1.17.1, `scipy.stats.binomtest(k, n).proportion_ci(method='exact' | 'wilson')`. */
test("Clopper and Pearson's interval agrees with SciPy", () => {
  assertInterval(clopperPearson(13, 16), 0.5435434537683883, 0.9595262660940541, 1e-10);
  assertInterval(clopperPearson(0, 20), 0, 0.16843347098308548, 1e-10);
  assertInterval(clopperPearson(9891, 10000), 0.9868661673249868, 0.9910416587564194, 1e-9);
});

test("Wilson's interval agrees with SciPy", () => {
  assertInterval(wilson(13, 16), 0.5699111903802586, 0.9340840092857187, 1e-12);
  assertInterval(wilson(0, 20), 0, 0.16112515805281935, 1e-12);
  assertInterval(wilson(9891, 10000), 0.9868688476233592, 0.9909555251704448, 1e-12);
});

test("Clopper and Pearson's interval covers at least 95 % for every proportion", () => {
  const n = 25;
  const intervals = Array.from({ length: n + 1 }, (_, k) => clopperPearson(k, n));
  for (let p = 0.01; p < 1; p += 0.01) {
    const coverage = intervals.reduce(
      (sum, interval, k) =>
        sum + (interval.low <= p && p <= interval.high ? binomialProbability(k, n, p) : 0),
      0,
    );
    assert.ok(coverage >= 0.95, `coverage ${coverage} at p=${p}`);
  }
});

test("McNemar's exact test agrees with scipy.stats.binomtest(b, b + c, 0.5).pvalue", () => {
  assert.ok(Math.abs(mcnemarExact(6, 16) - 0.052478790283203125) < 1e-12);
  assert.ok(Math.abs(mcnemarExact(1, 7) - 0.0703125) < 1e-12);
  assert.ok(Math.abs(mcnemarExact(30, 12) - 0.007915897334896727) < 1e-12);
  assert.equal(mcnemarExact(0, 0), 1);
  assert.equal(mcnemarExact(4, 4), 1);
});

/*
 * Published: Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables (2017), chapter 8,
 * complete response before and after consolidation therapy (Cavo et al., 2012), Newcombe square-and-add:
 * −0.0621 (−0.1186 to −0.0046).
 */
test("Newcombe's paired interval gives the published one for the therapy table", () => {
  const result = newcombePaired({ bothRight: 59, firstOnly: 6, secondOnly: 16, bothWrong: 80 });
  assert.equal(result.difference.toFixed(4), '-0.0621');
  assert.equal(result.low.toFixed(4), '-0.1186');
  assert.equal(result.high.toFixed(4), '-0.0046');
});

test('pairing narrows the interval of an accuracy loss by far', () => {
  const paired = newcombePaired({ bothRight: 9600, firstOnly: 40, secondOnly: 20, bothWrong: 340 });
  const first = wilson(9640, 10000);
  const second = wilson(9620, 10000);
  assert.ok(paired.high - paired.low < (first.high - first.low + second.high - second.low) / 2);
  assert.ok(paired.low > 0, 'a net loss of 20 in 10,000 with 60 discordant pairs is different from 0');
});

test('a paired interval contains its difference and turns over when the sides are swapped', () => {
  const count = fc.integer({ min: 0, max: 400 });
  fc.assert(
    fc.property(count, count, count, count, (bothRight, firstOnly, secondOnly, bothWrong) => {
      fc.pre(bothRight + firstOnly + secondOnly + bothWrong > 0);
      const forth = newcombePaired({ bothRight, firstOnly, secondOnly, bothWrong });
      const back = newcombePaired({ bothRight, firstOnly: secondOnly, secondOnly: firstOnly, bothWrong });
      assert.ok(forth.low <= forth.difference + 1e-12 && forth.difference - 1e-12 <= forth.high);
      assert.ok(Math.abs(forth.low + back.high) < 1e-9);
    }),
    { seed: 3, numRuns: 200 },
  );
});
