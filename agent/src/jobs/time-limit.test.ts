import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { startTimeLimit } from './time-limit.ts';

describe('startTimeLimit', () => {
  it('expires after its working time, and never for 0', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const onExpired = mock.fn();
    using _limit = startTimeLimit(1000, onExpired);
    using _none = startTimeLimit(0, () => assert.fail('There is no limit.'));
    t.mock.timers.tick(999);
    assert.equal(onExpired.mock.callCount(), 0);
    t.mock.timers.tick(1);
    assert.equal(onExpired.mock.callCount(), 1);
  });

  it('does not expire while it is paused', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const onExpired = mock.fn();
    using limit = startTimeLimit(1000, onExpired);
    limit.pause();
    t.mock.timers.tick(60_000);
    assert.equal(onExpired.mock.callCount(), 0);
    limit.resume();
    t.mock.timers.tick(1000);
    assert.equal(onExpired.mock.callCount(), 1);
  });
});
