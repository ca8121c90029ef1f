import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import { orderLaunches } from './order-launches.ts';

describe('orderLaunches', () => {
  it('holds every variant once in each round', () => {
    const order = orderLaunches(4, 6, createRandom(3));
    assert.equal(order.length, 24);
    for (let round = 0; round < 6; round++) {
      assert.deepEqual([...order.slice(4 * round, 4 * round + 4)].sort(), [0, 1, 2, 3]);
    }
  });

  it('gives rounds orders of their own, the same for the same seed', () => {
    const rounds = new Set(
      Array.from({ length: 6 }, (_, i) =>
        orderLaunches(4, 6, createRandom(3))
          .slice(4 * i, 4 * i + 4)
          .join(),
      ),
    );
    assert.ok(rounds.size > 1);
    assert.deepEqual(orderLaunches(4, 6, createRandom(3)), orderLaunches(4, 6, createRandom(3)));
    assert.notDeepEqual(orderLaunches(4, 6, createRandom(3)), orderLaunches(4, 6, createRandom(4)));
  });
});
