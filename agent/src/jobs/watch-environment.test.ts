import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvironmentWatch } from './watch-environment.ts';

test('a reading of the environment that fails is one less, and ends nothing', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let reads = 0;
  using watch = new EnvironmentWatch({
    readEnvironment: async () => {
      if (reads++ === 0) throw new Error('the sensor is gone');
      return { atUnixMs: 5 };
    },
  });
  t.mock.timers.tick(2000);
  await Promise.resolve();
  assert.equal(reads, 2);
  assert.deepEqual(watch.seen, [{ atUnixMs: 5 }]);
});
