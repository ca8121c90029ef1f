import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRetry } from './retry-policy.ts';

test('crashes, lack of memory, time-outs and our own faults are tried twice more', () => {
  for (const failureClass of ['oom', 'timeout', 'crashed', 'killed', 'internal', 'disk-full'] as const) {
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

test('a limit of time is tried once more, a busy host for a quarter of an hour', () => {
  assert.deepEqual(
    [1, 2].map((n) => decideRetry('time-limit', n) === 'final'),
    [false, true],
  );
  const delays = [1, 2, 3, 4, 5].map((attempts) => decideRetry('host-busy', attempts));
  const waits = delays.map((decision) => (decision === 'final' ? 0 : decision.retryAfterMs / 60_000));
  assert.deepEqual(waits, [1, 2, 4, 8, 0]);
});

test('what another try cannot mend is final at once', () => {
  for (const failureClass of [
    'bad-model',
    'unsupported',
    'bad-input',
    'memory-limit',
    'file-limit',
    'cancelled',
  ] as const) {
    assert.equal(decideRetry(failureClass, 1), 'final');
  }
});
