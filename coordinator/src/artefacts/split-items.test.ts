import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import { splitItems } from './split-items.ts';

const digests = Array.from({ length: 100 }, (_, i) => `item-${i}`);

test('a seed always gives the same split, another seed another one', () => {
  const first = splitItems({ digests, calibration: 10, seed: 1 });
  assert.deepEqual(first, splitItems({ digests, calibration: 10, seed: 1 }));
  assert.notDeepEqual(first.calibration, splitItems({ digests, calibration: 10, seed: 2 }).calibration);
});

test('every item is on one side, in ascending order, and equal items are never on both', () => {
  const random = createRandom(1);
  for (let round = 0; round < 300; round++) {
    const items = Array.from({ length: 2 + random.below(60) }, () => `item-${random.below(40)}`);
    const unique = items.filter((item) => items.indexOf(item) === items.lastIndexOf(item)).length;
    const most = Math.min(unique, items.length - 1);
    if (most < 1) continue;
    const calibration = 1 + random.below(most);
    const split = splitItems({ digests: items, calibration, seed: round });
    assert.equal(split.calibration.length, calibration);
    assert.equal(split.duplicates, items.length - unique);
    const all = [...split.calibration, ...split.evaluation].sort((a, b) => a - b);
    assert.deepEqual(all, [...items.keys()]);
    for (const side of [split.calibration, split.evaluation])
      assert.deepEqual(
        side,
        side.toSorted((a, b) => a - b),
      );
    const calibrated = new Set(split.calibration.map((index) => items[index]));
    assert.ok(split.evaluation.every((index) => !calibrated.has(items[index])));
  }
});

test('more calibration items than can be had without overlap are refused with the number that can', () => {
  const twins = [...digests.slice(0, 5), 'item-0'];
  assert.throws(() => splitItems({ digests: twins, calibration: 5, seed: 1 }), {
    code: 'refused',
    message:
      /5 calibration items were asked for; of 6 items \(2 of them have an identical twin in the set\), 1 to 4 can be taken/,
  });
  assert.throws(() => splitItems({ digests, calibration: 100, seed: 1 }), {
    message: /1 to 99 can be taken/,
  });
  assert.throws(() => splitItems({ digests, calibration: 0, seed: 1 }), { code: 'refused' });
  assert.throws(() => splitItems({ digests: ['a', 'a'], calibration: 1, seed: 1 }), {
    message: /2 of them have an identical twin in the set\), none can be taken/,
  });
});
