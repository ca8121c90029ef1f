import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { holm } from './holm.ts';
import { mcnemar } from './mcnemar.ts';
import { kendallTau, spearmanRho } from './rank-agreement.ts';

const near = (found: number | undefined, expected: number): void =>
  assert.ok(found !== undefined && Math.abs(found - expected) < 1e-12, `${found} is not ${expected}`);

// scipy 1.17.1: stats.kendalltau(x, y).statistic, stats.spearmanr(x, y).statistic
test('rank correlations are SciPy’s, without ties and with them', () => {
  const x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  const y = [2, 1, 4, 3, 7, 5, 6, 10, 8, 9, 12, 11];
  near(kendallTau(x, y), 0.7878787878787877);
  near(spearmanRho(x, y), 0.9370629370629372);
  const a = [1, 2, 2, 3, 4, 4, 5, 6];
  const b = [1, 3, 2, 2, 4, 5, 5, 4];
  near(kendallTau(a, b), 0.6667948594698258);
  near(spearmanRho(a, b), 0.8159662759974773);
});

test('no rank correlation is told of under five items or of ties alone', () => {
  assert.equal(kendallTau([1, 2, 3, 4], [1, 2, 3, 4]), undefined);
  assert.equal(spearmanRho([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]), undefined);
  assert.equal(kendallTau([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]), undefined);
});

test('items that a test calls equal count as ties', () => {
  const values = [1, 1.01, 2, 3, 4, 5];
  const close = (i: number, j: number): boolean => Math.abs(values[i]! - values[j]!) < 0.1;
  near(kendallTau(values, [2, 1, 3, 4, 5, 6], close), 1);
  assert.ok(kendallTau(values, [2, 1, 3, 4, 5, 6])! < 1);
});

// scipy 1.17.1: stats.binomtest(3, 13).pvalue, stats.chi2.sf((abs(30 - 12) - 1)**2 / 42, 1)
test('McNemar’s test is exact below 25 discordant pairs, Edwards’ from there on', () => {
  near(mcnemar(3, 10).p, 0.09228515625);
  near(mcnemar(30, 12).p, 0.008711912962379598);
  assert.deepEqual([mcnemar(3, 10).method, mcnemar(30, 12).method], ['mcnemar-exact', 'mcnemar-edwards']);
  assert.equal(mcnemar(0, 0).p, 1);
  assert.equal(mcnemar(20, 20).p, 1);
});

// statsmodels 0.15.0: multipletests([0.01, 0.04, 0.03, 0.005], method='holm')[1]
test('Holm’s adjustment is that of statsmodels, and never makes a test less strict than it was', () => {
  const expected = [0.03, 0.06, 0.06, 0.02];
  for (const [i, p] of holm([0.01, 0.04, 0.03, 0.005]).entries()) near(p, expected[i]!);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), (pValues) => {
      const adjusted = holm(pValues);
      for (const [i, p] of pValues.entries()) {
        assert.ok(adjusted[i]! >= p && adjusted[i]! <= 1);
        for (const [j, q] of pValues.entries()) if (p < q) assert.ok(adjusted[i]! <= adjusted[j]!);
      }
    }),
  );
});
