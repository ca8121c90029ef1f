import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRetry } from './retry-policy.ts';

test('crashes, lack of memory, time-outs and our own faults are tried twice more', () => {
  for (const failureClass of ['oom', 'timeout', 'crashed', 'internal', 'disk-full'] as const) {
    const delays = [1, 2].map((attempts) => decideRetry(failureClass, attempts));
    const [first, second] = delays.map((decision) => (decision === 'final' ? 0 : decision.retryAfterMs));
    assert.ok(first! > 0 && second === 2 * first!, failureClass);
    assert.equal(decideRetry(failureClass, 3), 'final');
  }
});

test('a full disk is given half a minute in all', () => {
  assert.deepEqual(decideRetry('disk-full', 1), { retryAfterMs: 10_000 });
  assert.deepEqual(decideRetry('disk-full', 2), { retryAfterMs: 20_000 });
});

test('spoilt bytes are fetched once more', () => {
  assert.notEqual(decideRetry('digest-mismatch', 1), 'final');
  assert.equal(decideRetry('digest-mismatch', 2), 'final');
});

test('what another try cannot mend is final at once', () => {
  for (const failureClass of ['bad-model', 'unsupported', 'bad-input', 'cancelled'] as const) {
    assert.equal(decideRetry(failureClass, 1), 'final');
  }
});
