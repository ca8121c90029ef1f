import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resolveLoad } from '../jobs/resolve-load.ts';
import type { LaunchClock } from './launch-clock.ts';
import type { LoadTarget } from './load-pattern.ts';
import type { OfferedLoad } from './protocol.ts';
import { createRateSearch } from './rate-search.ts';
import { isDecided } from './run-trial.ts';
import { nextFrame } from './time-fixed-rate.ts';
import { timeLoad } from './time-load.ts';

const millisecond = 1e6;
const load = (change: Partial<OfferedLoad>): OfferedLoad => ({
  ...resolveLoad({ scenario: 'single-stream', load: null }),
  ...change,
});
const limits = { minSamples: 100, minDurationMs: 0, maxDurationMs: 0 };

/** A target whose inferences take known times on a clock that only they and waiting move. */
function fakeTarget(serviceNs: (index: number) => number, batch = 1): LoadTarget & { inferences: number } {
  let now = 0;
  const clock: LaunchClock = {
    nowNs: () => now,
    waitUntil: async (atNs) => {
      now = Math.max(now, atNs);
    },
    turn: async () => undefined,
  };
  const target = {
    clock,
    batch,
    serviceNs: serviceNs(0),
    isStopped: () => false,
    inferences: 0,
    infer: async (index: number) => {
      target.inferences++;
      now += serviceNs(index);
    },
  };
  return target;
}

test('single-stream: one latency per inference, ended by the minimum count', async () => {
  const timed = await timeLoad(
    fakeTarget((i) => (i + 1) * 1000),
    load({}),
    limits,
  );
  assert.deepEqual([...timed.latenciesNs.slice(0, 3)], [1000, 2000, 3000]);
  assert.equal(timed.latenciesNs.length, 100);
  assert.equal(timed.timedSamples, 100);
});

test('multi-stream: a query of 8 takes as long as its 8 inferences, or its two batches of 4', async () => {
  const stream = load({ scenario: 'multi-stream', samplesPerQuery: 8 });
  const single = await timeLoad(
    fakeTarget(() => millisecond),
    stream,
    limits,
  );
  assert.ok(single.latenciesNs.every((ns) => ns === 8 * millisecond));
  const batched = await timeLoad(
    fakeTarget(() => millisecond, 4),
    stream,
    limits,
  );
  assert.ok(batched.latenciesNs.every((ns) => ns === 2 * millisecond));
  assert.equal(batched.timedSamples, 800);
});

test('offline: as many full batches as the minimum duration needs at the speed of the warm-up, and a tenth more', async () => {
  const offline = load({ scenario: 'offline' });
  const timed = await timeLoad(
    fakeTarget(() => millisecond, 4),
    offline,
    { ...limits, minDurationMs: 1000 },
  );
  assert.equal(timed.latenciesNs.length, 1100);
  assert.equal(timed.timedSamples, 4400);
  assert.equal(timed.wallNs, 1100 * millisecond);
});

test('server at a given rate: a latency counts from the scheduled arrival, so that a stall is felt by all behind it', async () => {
  const server = load({
    scenario: 'server',
    targetRatePerSec: 100,
    latencyBoundNs: 20 * millisecond,
    percentile: 0.9,
    scheduleSeed: 3,
  });
  const calm = await timeLoad(
    fakeTarget(() => millisecond),
    server,
    limits,
  );
  const stalled = await timeLoad(
    fakeTarget((i) => (i === 10 ? 500 : 1) * millisecond),
    server,
    limits,
  );
  const late = (ns: Float64Array): number => ns.filter((latency) => latency > 100 * millisecond).length;
  assert.equal(late(calm.latenciesNs), 0);
  // Some 100 arrivals a second meet 400 ms of the stall; service times alone would show one.
  assert.ok(late(stalled.latenciesNs) > 20, String(late(stalled.latenciesNs)));
  assert.equal(calm.rateTrials?.[0]?.passed, true);
  assert.equal(stalled.rateTrials?.[0]?.passed, false);
});

test('server without a rate: the highest within the bound is found, for the queue of constant service times', async () => {
  const server = load({
    scenario: 'server',
    latencyBoundNs: 5 * millisecond,
    percentile: 0.9,
    scheduleSeed: 5,
  });
  const long = { ...limits, minSamples: 20_000 };
  const timed = await timeLoad(
    fakeTarget(() => millisecond),
    server,
    long,
  );
  const passed = timed.rateTrials!.filter((trial) => trial.passed).map(({ ratePerSec }) => ratePerSec);
  const rate = Math.max(...passed);
  // M/D/1 with 1 ms of service: P(wait > 4 ms) = 0.1 at a load of 0.79 (Franx, 2001, by series); the test is stricter.
  assert.ok(rate > 700 && rate < 830, String(rate));
  const failed = timed.rateTrials!.filter((trial) => !trial.passed).map(({ ratePerSec }) => ratePerSec);
  assert.ok(Math.min(...failed) / rate < 1.03);
  assert.ok(timed.rateTrials!.length <= 16);
});

test('fixed-rate: frames that still wait when the next comes are dropped and counted', async () => {
  const camera = load({ scenario: 'fixed-rate', frameRatePerSec: 100 });
  const fast = await timeLoad(
    fakeTarget(() => 4 * millisecond),
    camera,
    limits,
  );
  assert.deepEqual([fast.offeredFrames, fast.droppedFrames], [100, 0]);
  assert.ok(fast.latenciesNs.every((ns) => Math.abs(ns - 4 * millisecond) < 1));
  const slow = await timeLoad(
    fakeTarget(() => 25 * millisecond),
    camera,
    limits,
  );
  assert.equal(slow.offeredFrames, 100);
  // 25 ms a frame answer 40 of 100 a second.
  assert.ok(Math.abs(slow.droppedFrames! - 60) <= 2, String(slow.droppedFrames));
});

test('the next frame is the newest that has come, as counting one by one says', () => {
  const cases = fc.record({
    frame: fc.nat(50),
    later: fc.integer({ min: 0, max: 200 }),
    planned: fc.integer({ min: 1, max: 100 }),
  });
  fc.assert(
    fc.property(cases, ({ frame, later, planned }) => {
      fc.pre(frame < planned);
      const elapsedNs = frame * 10 + later;
      let newest = -1;
      for (let k = 0; k < planned; k++) if (k * 10 <= elapsedNs) newest = k;
      const expected = frame + 1 >= planned ? planned : Math.max(frame + 1, newest);
      assert.equal(nextFrame({ frame, elapsedNs, periodNs: 10, planned }), expected);
    }),
    { seed: 1 },
  );
});

test('a trial ends early only where no outcome of the queries to come could change it', () => {
  const late = fc.array(fc.boolean(), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(late, fc.nat(10), (outcomes, allowedOverBound) => {
      const plan = { queries: outcomes.length, allowedOverBound };
      const passes = outcomes.filter(Boolean).length <= allowedOverBound;
      let overBound = 0;
      for (const [count, isLate] of outcomes.entries()) {
        if (isDecided({ count, overBound }, plan)) {
          assert.equal(overBound <= allowedOverBound, passes);
          return;
        }
        if (isLate) overBound++;
      }
    }),
    { seed: 2 },
  );
});

test('the search comes within 2 % of the limit, from below or above, in at most 16 trials', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.05, max: 30, noNaN: true }), (limit) => {
      const search = createRateSearch(1);
      const passed: number[] = [];
      let trials = 0;
      for (let rate = search.next(); rate !== undefined; rate = search.next()) {
        trials++;
        if (rate <= limit) passed.push(rate);
        search.record(rate, rate <= limit);
      }
      assert.ok(trials <= 16);
      assert.ok(Math.max(...passed) <= limit && Math.max(...passed) * 1.021 > limit, `${limit}: ${passed}`);
    }),
    { seed: 3 },
  );
});
