import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from './create-random.ts';

test('a stream is the same each time it is opened', () => {
  const [first, second] = [createRandom({ seed: 9, stream: 4 }), createRandom({ seed: 9, stream: 4 })];
  for (let draw = 0; draw < 100; draw++) assert.equal(first.nextUint32(), second.nextUint32());
});

test('neighbouring seeds and streams share no number', () => {
  const seen = new Set<number>();
  for (const seed of [0, 1, 2]) {
    for (const stream of [0, 1, 2]) seen.add(createRandom({ seed, stream }).nextUint32());
  }
  assert.equal(seen.size, 9);
});

test('numbers are even over their range: mean and variance of a uniform within five standard errors', () => {
  const random = createRandom({ seed: 1, stream: 1 });
  const draws = Array.from({ length: 100_000 }, () => random.drawBetween({ low: 0, high: 1 }));
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
  assert.ok(Math.abs(mean - 1 / 2) < 5 * Math.sqrt(1 / 12 / draws.length));
  assert.ok(Math.abs(variance - 1 / 12) < 5 * Math.sqrt(1 / 180 / draws.length));
});

test('draws stay within their bounds', () => {
  const random = createRandom({ seed: 2, stream: 0 });
  for (let draw = 0; draw < 1000; draw++) {
    const between = random.drawBetween({ low: -2, high: 3 });
    assert.ok(between >= -2 && between < 3);
    assert.ok(random.drawBelow(5) < 5);
  }
});
