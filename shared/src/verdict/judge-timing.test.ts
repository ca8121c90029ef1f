import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Environment, Launch } from '../result/job-result.ts';
import { judgeTiming } from './judge-timing.ts';
import type { TimedLaunch } from './timed-launch.ts';

interface Change {
  readonly environment?: Partial<Environment>;
  readonly during?: readonly Partial<Environment>[];
  readonly launch?: Partial<Launch>;
}

/** Six calm launches of a second each, changed one by one. */
function launches(change: (round: number) => Change = () => ({})): TimedLaunch[] {
  return Array.from({ length: 6 }, (_, round) => {
    const { environment, during, launch } = change(round);
    const at = (offsetMs: number): Environment => ({
      atUnixMs: round * 2000 + offsetMs,
      busyTicks: round * 200 + offsetMs / 10,
      stealTicks: 0,
      ...environment,
    });
    const samplesNs = Float64Array.from({ length: 30 }, (_, i) => 1e7 * (1 + 0.001 * (i % 3)));
    return {
      round,
      samplesNs,
      figureNs: 1e7 * (1 + 0.001 * (round % 2)),
      launch: {
        variantDigest: '0'.repeat(64),
        order: round,
        startedAtUnixMs: round * 2000,
        timedWallNs: 9e8,
        cpuTimeNs: 9e8,
        agentCpuTimeNs: 1e6,
        environmentBefore: at(0),
        environmentAfter: at(1000),
        ...(during && { environmentDuring: during.map((seen) => ({ atUnixMs: 0, ...seen })) }),
        ...launch,
      },
    };
  });
}

function judge(timed: TimedLaunch[], isLoadedOnPurpose = false) {
  return judgeTiming({
    launches: timed,
    failures: [],
    emulatedBy: undefined,
    whyNone: undefined,
    processors: 4,
    threadsUsed: 1,
    isLoadedOnPurpose,
  });
}

test('calm launches are trusted', () => {
  assert.deepEqual(judge(launches()), { verdict: 'trusted', reasons: [] });
});

test('a clock that falls while it is watched is throttled, though it has recovered after each launch', () => {
  const timed = launches((round) => ({
    during: [{ frequencyHz: round < 3 ? 1.4e9 : 0.6e9 }],
    environment: { frequencyHz: 1.4e9 },
  }));
  const { verdict, reasons } = judge(timed);
  assert.equal(verdict, 'throttled');
  assert.match(reasons[0]!.detail, /frequency fell to 42\.9 %/);
});

test('throttle bits that show only in the middle of a launch are seen', () => {
  const { verdict, reasons } = judge(
    launches((round) => ({ during: [{ throttledBits: round === 2 ? 4 : 0 }] })),
  );
  assert.equal(verdict, 'throttled');
  assert.match(reasons[0]!.detail, /throttle bits 0x4 in 1 of 6 launches/);
});

test('a busy neighbour is contention, unless the load asked for one', () => {
  const busy = (round: number): Change => ({
    launch: {
      environmentAfter: { atUnixMs: round * 2000 + 1000, busyTicks: round * 200 + 200, stealTicks: 0 },
    },
  });
  assert.equal(judge(launches(busy)).verdict, 'contended');
  assert.equal(judge(launches(busy), true).verdict, 'trusted');
});

test('a wall clock that is set while launches run neither makes nor hides contention', () => {
  const onMonotonicClock = (jumpMs: number, busyShare: number) =>
    launches().map((one, round) => {
      const { environmentBefore: before, environmentAfter: after } = one.launch;
      const [from, to] = [round * 2000, round * 2000 + 1000];
      return {
        ...one,
        launch: {
          ...one.launch,
          environmentBefore: { ...before!, monotonicMs: from, pressureUs: 0, quotaThrottledUs: 0 },
          environmentAfter: {
            ...after!,
            monotonicMs: to,
            atUnixMs: to + jumpMs,
            busyTicks: before!.busyTicks! + 400 * busyShare,
            pressureUs: 1e6 * busyShare,
          },
        },
      };
    });
  for (const jumpMs of [0, -3_600_000, 3_600_000]) {
    assert.equal(judge(onMonotonicClock(jumpMs, 0)).verdict, 'trusted', `${jumpMs}`);
    const { verdict, reasons } = judge(onMonotonicClock(jumpMs, 0.5));
    assert.equal(verdict, 'contended', `${jumpMs}`);
    assert.match(reasons.map(({ detail }) => detail).join(), /waited for a processor in 50\.0 %/);
  }
});

test('a queue that fills and drains is no drift of the device', () => {
  const samplesNs = Float64Array.from({ length: 30 }, (_, i) => 1e6 * (i + 1));
  const drifting = launches().map((timed) => ({ ...timed, samplesNs }));
  assert.equal(judge(drifting).verdict, 'noisy');
  const served = drifting.map((timed) => ({ ...timed, launch: { ...timed.launch, rateTrials: [] } }));
  assert.equal(judge(served).verdict, 'trusted');
});

test('calls launches throttled that a processor quota held back', () => {
  const timed = launches().map((one, round) => ({
    ...one,
    launch: {
      ...one.launch,
      environmentBefore: { ...one.launch.environmentBefore!, quotaThrottledUs: round * 1e5 },
      environmentAfter: { ...one.launch.environmentAfter!, quotaThrottledUs: round * 1e5 + 5e4 },
    },
  }));
  const { verdict, reasons } = judge(timed);
  assert.equal(verdict, 'throttled');
  assert.match(reasons[0]!.detail, /quota held it back for 5\.0 %/);
});

test('calls launches contended during which tasks waited for a processor, unless that was asked for', () => {
  const timed = launches().map((one) => ({
    ...one,
    launch: {
      ...one.launch,
      environmentBefore: { ...one.launch.environmentBefore!, pressureUs: 1000 },
      environmentAfter: { ...one.launch.environmentAfter!, pressureUs: 201_000 },
    },
  }));
  const { verdict, reasons } = judge(timed);
  assert.equal(verdict, 'contended');
  assert.match(reasons[0]!.detail, /waited for a processor in 20\.0 %/);
  assert.equal(judge(timed, true).verdict, 'trusted');
});
