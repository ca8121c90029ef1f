import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteadyClock } from './steady-clock.ts';

test('it goes as time goes, and a gap in which the process was stopped counts as 10 s', () => {
  let monotonicMs = 500;
  const clock = new SteadyClock(1_000_000, () => monotonicMs);
  assert.equal(clock.nowMs(), 1_000_000);
  monotonicMs += 2_000;
  assert.equal(clock.nowMs(), 1_002_000);
  monotonicMs += 3_600_000;
  assert.equal(clock.nowMs(), 1_012_000);
  monotonicMs += 1;
  assert.equal(clock.nowMs(), 1_012_001);
});
