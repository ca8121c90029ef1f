import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSeries, isWorthRepeating } from './choose-series.ts';
import type { TimingVerdict, TimingVerdictWord } from './timing-verdicts.ts';

const verdicts = (...words: TimingVerdictWord[]): { verdicts: TimingVerdict[] } => ({
  verdicts: words.map((verdict) => ({ verdict, reasons: [] })),
});

test('the series whose worst variant is least bad counts, of equal ones the first', () => {
  assert.equal(chooseSeries([verdicts('noisy', 'trusted'), verdicts('trusted', 'trusted')]), 1);
  assert.equal(chooseSeries([verdicts('noisy'), verdicts('noisy')]), 0);
  assert.equal(
    chooseSeries([verdicts('contended'), verdicts('throttled'), verdicts('noisy', 'insufficient')]),
    1,
  );
});

test('a variant that is as bad in every series does not decide over the others', () => {
  assert.equal(
    chooseSeries([
      verdicts('insufficient', 'noisy'),
      verdicts('insufficient', 'trusted'),
      verdicts('insufficient', 'trusted'),
    ]),
    1,
  );
  assert.equal(chooseSeries([verdicts('noisy', 'trusted'), verdicts('trusted', 'contended')]), 0);
});

test('only what another series may mend is launched again', () => {
  for (const word of ['noisy', 'throttled', 'contended'] as const) {
    assert.equal(isWorthRepeating(verdicts('trusted', word).verdicts), true, word);
  }
  for (const word of ['trusted', 'insufficient', 'emulated'] as const) {
    assert.equal(isWorthRepeating(verdicts(word).verdicts), false, word);
  }
});
