import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimedLaunch } from '@qfleet/shared/verdict/timed-launch.ts';
import { latencyCurve } from './latency-curve.ts';

const launch = (samples: readonly number[]): TimedLaunch =>
  ({ samplesNs: Float64Array.from(samples) }) as TimedLaunch;
/** `count` numbers from `from` upwards, in disorder. */
const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((i * 7) % count));

test('shares of all samples together, and the range of the launches', () => {
  const curve = latencyCurve([launch(range(1, 100)), launch(range(101, 100))]);
  const middle = curve.find(({ share }) => share === 0.5)!;
  assert.deepEqual(middle, { share: 0.5, ns: 100, leastNs: 50, mostNs: 150 });
  assert.deepEqual(curve.at(-1), { share: 0.99, ns: 198, leastNs: 99, mostNs: 199 });
});

test('none without launches, and none of a few samples', () => {
  assert.deepEqual(latencyCurve([]), []);
  assert.deepEqual(latencyCurve([launch(range(1, 100)), launch(range(1, 19))]), []);
});
