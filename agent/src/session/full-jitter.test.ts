import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import { fullJitterMs } from './full-jitter.ts';

describe('fullJitterMs', () => {
  it('is quick the first time, then anywhere below a bound that doubles from 1 s to 60 s', () => {
    const random = createRandom(1);
    for (const [attempt, bound] of [
      [0, 300],
      [1, 1000],
      [2, 2000],
      [6, 32_000],
      [7, 60_000],
      [1000, 60_000],
    ] as const) {
      const pauses = Array.from({ length: 500 }, () => fullJitterMs(attempt, random));
      assert.ok(
        pauses.every((pause) => pause >= 0 && pause <= bound),
        `attempt ${attempt}`,
      );
      assert.ok(Math.max(...pauses) > 0.9 * bound, `attempt ${attempt}`);
    }
  });
});
