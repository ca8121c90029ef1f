import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { binomialCumulative, binomialProbability } from './binomial.ts';
import { incompleteBeta, inverseIncompleteBeta } from './incomplete-beta.ts';
import { logGamma } from './log-gamma.ts';
import { normalCumulative, normalQuantile } from './normal.ts';
import { studentTCumulative, studentTQuantile } from './student-t.ts';

/* Reference values: SciPy 1.17.1, `python -c "import scipy.special as s, scipy.stats as t; print(s.betainc(a, b, x))"` and the like, the function named in each test. */

function assertClose(actual: number, expected: number, relative: number): void {
  const error = Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-300);
  assert.ok(error <= relative, `expected ${expected}, got ${actual}, relative error ${error}`);
}

test('log gamma agrees with scipy.special.gammaln', () => {
  for (const [x, expected] of [
    [0.1, 2.252712651734206],
    [0.5, 0.5723649429247],
    [1.5, -0.12078223763524526],
    [10, 12.801827480081469],
    [1000.5, 5908.674175848678],
  ] as const) {
    assertClose(logGamma(x), expected, 1e-12);
  }
});

test('the incomplete beta function agrees with scipy.special.betainc', () => {
  for (const [x, a, b, expected] of [
    [0.3, 2, 5, 0.5798250000000003],
    [0.95, 20, 3, 0.905176954081569],
    [0.5, 0.5, 0.5, 0.5],
    [0.001, 3, 9000, 0.9937952525427289],
    [0.989, 9890, 110, 0.48753017241422314],
  ] as const) {
    assertClose(incompleteBeta(x, a, b), expected, 1e-10);
  }
});

test('the inverse incomplete beta function gives back what the function took', () => {
  // From 1 on: below, the function is steeper at its ends than float64 can resolve x.
  const shape = fc.double({ min: 1, max: 500, noNaN: true });
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), shape, shape, (p, a, b) => {
      assert.ok(Math.abs(incompleteBeta(inverseIncompleteBeta(p, a, b), a, b) - p) < 1e-9);
    }),
    { seed: 1, numRuns: 60 },
  );
});

test('binomial probabilities agree with scipy.stats.binom', () => {
  assertClose(binomialCumulative(3, 10, 0.5), 0.171875, 1e-12);
  assertClose(binomialCumulative(490, 500, 0.99), 0.031102106648488143, 1e-9);
  assertClose(binomialCumulative(4990, 5000, 0.999), 0.03175551952810746, 1e-9);
  assertClose(binomialCumulative(0, 459, 0.01), 0.009920974201040622, 1e-10);
  assertClose(binomialProbability(490, 500, 0.99), 0.01785853954870863, 1e-10);
});

test('the cumulative binomial is the sum of its probabilities', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (n, p) => {
      let sum = 0;
      for (let k = 0; k <= n; k++) {
        sum += binomialProbability(k, n, p);
        assert.ok(Math.abs(binomialCumulative(k, n, p) - sum) < 1e-10);
      }
    }),
    { seed: 2, numRuns: 30 },
  );
});

test("Student's t agrees with scipy.stats.t", () => {
  assertClose(studentTQuantile(0.975, 5), 2.5705818356363146, 1e-10);
  assertClose(studentTQuantile(0.975, 1), 12.706204736174694, 1e-10);
  assertClose(studentTQuantile(0.995, 30), 2.7499956535672254, 1e-10);
  assertClose(studentTQuantile(0.9, 2.5), 1.7302509288071766, 1e-10);
  assertClose(studentTCumulative(2, 5), 0.9490302605850708, 1e-12);
  assertClose(studentTCumulative(-1.3, 3), 0.14223375436394853, 1e-12);
  assert.equal(studentTQuantile(0.5, 7), 0);
});

test('the normal distribution agrees with scipy.stats.norm, far tails included', () => {
  assertClose(normalQuantile(0.975), 1.959963984540054, 1e-12);
  assertClose(normalQuantile(0.0024), -2.8201580593201587, 1e-12);
  assertClose(normalQuantile(1e-10), -6.361340902404056, 1e-10);
  assertClose(normalCumulative(-1), 0.15865525393145707, 1e-14);
  assertClose(normalCumulative(-3.9), 4.8096344017602614e-5, 1e-10);
  assertClose(normalCumulative(-4.1), 2.0657506912546717e-5, 1e-12);
  assertClose(normalCumulative(-10), 7.61985302416047e-24, 1e-12);
  assertClose(normalCumulative(2.5), 0.9937903346742238, 1e-14);
});
