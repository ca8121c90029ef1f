import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeIntegerShare } from './judge-integer-share.ts';

test('a share on integers passes from the limit on, and one that is not known is skipped', () => {
  const outcome = (macShare?: number) =>
    judgeIntegerShare(macShare === undefined ? { reason: 'no-profile' } : { macShare }, 0.9).outcome;
  assert.deepEqual([outcome(0.9), outcome(0.89), outcome()], ['passed', 'failed', 'skipped']);
  assert.equal(judgeIntegerShare({ reason: 'no-profile' }, 0.9).detail, 'not known: no-profile');
});
