import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../random.ts';
import { poissonSchedule } from './poisson-schedule.ts';

const schedule = (ratePerSec: number, seed = 7) =>
  poissonSchedule({ random: createRandom(seed), ratePerSec, count: 20_000 });

test('gaps are exponential: their mean and their deviation are both 1/rate', () => {
  const arrivals = schedule(50);
  const gaps = Array.from(arrivals, (at, i) => at - (arrivals[i - 1] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  // Of 20,000 gaps the mean deviates by 0.7 %, four times that is allowed.
  assert.ok(Math.abs(mean / 2e7 - 1) < 0.03, String(mean));
  assert.ok(Math.abs(deviation / 2e7 - 1) < 0.05, String(deviation));
  assert.ok(gaps.every((gap) => gap >= 0 && Number.isFinite(gap)));
});

test('equal seeds give equal schedules, another rate the same one stretched, another seed another one', () => {
  assert.deepEqual(schedule(50), schedule(50));
  const [slow, fast] = [schedule(25), schedule(50)];
  assert.ok(slow.every((at, i) => Math.abs(at / fast[i]! - 2) < 1e-9));
  assert.notDeepEqual(schedule(50, 8), schedule(50));
});
