import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrationMethod } from '@qfleet/shared/counters/calibration-method.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import type { CounterLaunch, EventCount } from '@qfleet/shared/result/job-result.ts';
import { counterReadings, counterReadingUnits } from './counter-readings.ts';

const inferences = 100;
/** Two seconds. */
const wallNs = 2e9;
const refill = 'raw:0x17 L2D_CACHE_REFILL';
const writeback = 'raw:0x18 L2D_CACHE_WB';

/** A Pi 3 whose four cores ran 3.6 s of work at 1.2 GHz. */
const counted: Readonly<Record<string, readonly [event: string, value: number]>> = {
  cycles: ['raw:0x11 CPU_CYCLES', 4.32e9],
  instructions: ['raw:0x08 INST_RETIRED', 2.16e9],
  'l1d.accesses': ['raw:0x04 L1D_CACHE', 8e8],
  'l1d.refills': ['raw:0x03 L1D_CACHE_REFILL', 2e7],
  'l2.accesses': ['raw:0x16 L2D_CACHE', 4e7],
  'l2.refills': [refill, 1e7],
  'l2.writebacks': [writeback, 5e6],
  'task-clock': ['software:1 task-clock', 3.6e9],
};

function event(name: string, over: Partial<EventCount> = {}): EventCount {
  const [label, value] = counted[name]!;
  return { name, event: label, value, enabledNs: 3.6e9, runningNs: 3.6e9, ...over };
}

function launchWith(over: Partial<CounterLaunch> = {}, events = Object.keys(counted)): CounterLaunch {
  return {
    variantDigest: 'a'.repeat(64),
    inferences,
    wallNs,
    cpuTimeNs: 3.6e9,
    events: events.map((name) => event(name)),
    power: [],
    ...over,
  };
}

const bytesPer = (quantity: string, value: number, label: string): Reading => ({
  quantity,
  status: 'derived',
  value,
  unit: 'B',
  method: calibrationMethod('wasm read', label),
});
const calibration = [
  bytesPer('counters.bytes-per-refill', 64, refill),
  bytesPer('counters.bytes-per-writeback', 60, writeback),
];

function read(launch: CounterLaunch | undefined, over: { probe?: Reading[]; whyNone?: string } = {}) {
  const readings = counterReadings({ launch, whyNone: over.whyNone, probe: over.probe ?? calibration });
  // Exactly the promised quantities, in the promised units, each a valid reading.
  const units = readings.map(({ quantity, unit }) => [quantity, unit] as const);
  assert.deepEqual(units.toSorted(), Object.entries(counterReadingUnits).toSorted());
  for (const reading of readings) readingSchema.parse(reading);
  return (quantity: string): Reading => readings.find((reading) => reading.quantity === quantity)!;
}

function numberOf(reading: Reading): number {
  assert.ok(reading.status !== 'unavailable', JSON.stringify(reading));
  return reading.value;
}

function reasonOf(reading: Reading): string {
  assert.ok(reading.status === 'unavailable', JSON.stringify(reading));
  return reading.reason;
}

test('events are told per inference, ratios and the real clock come out of them', () => {
  const find = read(launchWith());
  assert.equal(numberOf(find('cycles')), 4.32e7);
  assert.equal(numberOf(find('instructions')), 2.16e7);
  assert.equal(numberOf(find('ipc')), 0.5);
  assert.equal(numberOf(find('cache.l1d.refills')), 2e5);
  assert.equal(numberOf(find('cache.l1d.miss-rate')), 0.025);
  assert.equal(numberOf(find('cache.l2.refills')), 1e5);
  assert.equal(numberOf(find('frequency.actual')), 1.2e9);
  assert.equal(find('cycles').status, 'measured');
  assert.equal(find('cache.l2.refills').method, `perf ${refill}`);
  assert.equal(find('ipc').status, 'derived');
});

test('traffic is lines fetched and written back, each times its calibrated bytes', () => {
  const find = read(launchWith());
  const bytes = 1e7 * 64 + 5e6 * 60;
  assert.equal(numberOf(find('bandwidth.run')), bytes / 2);
  assert.equal(numberOf(find('bytes.inference')), bytes / inferences);
  assert.equal(find('bandwidth.run').status, 'derived');
  assert.equal(
    find('bandwidth.run').method,
    `perf ${refill} × calibrated bytes + perf ${writeback} × calibrated bytes`,
  );
  assert.equal(find('bandwidth.run').flags, undefined);
});

test('without calibrated write-backs the traffic is that of reads alone, and says so', () => {
  const probe = [calibration[0]!, unavailable('counters.bytes-per-writeback', 'B', 'uncalibrated: 200')];
  const find = read(launchWith(), { probe });
  assert.equal(numberOf(find('bandwidth.run')), (1e7 * 64) / 2);
  assert.deepEqual(find('bandwidth.run').flags, ['reads-only']);
});

test('counts are not turned into bytes by the calibration of another event', () => {
  const probe = [bytesPer('counters.bytes-per-refill', 64, 'hardware:3 cache-misses')];
  assert.match(reasonOf(read(launchWith(), { probe })('bandwidth.run')), /^not-supported/);
});

test('without calibration there is no bandwidth, with the reason of the probe', () => {
  const find = read(launchWith(), { probe: [] });
  assert.match(reasonOf(find('bandwidth.run')), /^not-calibrated: .*counters\.bytes-per-refill/);
  const refused = unavailable('counters.bytes-per-refill', 'B', 'uncalibrated: 210.0 B per l2.refills event');
  assert.match(reasonOf(read(launchWith(), { probe: [refused] })('bytes.inference')), /^uncalibrated: 210/);
  assert.equal(numberOf(find('cycles')), 4.32e7);
});

test('what the memory controller counted comes before what the cores counted', () => {
  const memoryTraffic = [
    { source: 'resctrl-mbm', reason: 'not-present' },
    { source: 'tegra-emc', bytesPerSec: 3e9 },
  ];
  const find = read(launchWith({ memoryTraffic }));
  assert.equal(numberOf(find('bandwidth.run')), 3e9);
  assert.equal(numberOf(find('bytes.inference')), (3e9 * 2) / inferences);
  assert.equal(find('bandwidth.run').method, 'tegra-emc');
  assert.deepEqual(find('bandwidth.run').flags, ['whole-system']);
});

test('an event that shared its counter is scaled up, derived, and flagged wherever it goes in', () => {
  const events = launchWith().events.map((count) =>
    count.name === 'l2.refills' ? { ...count, value: 5e6, runningNs: 1.8e9 } : count,
  );
  const find = read(launchWith({ events }));
  assert.equal(numberOf(find('cache.l2.refills')), 1e5);
  assert.equal(find('cache.l2.refills').status, 'derived');
  assert.deepEqual(find('cache.l2.refills').flags, ['multiplexed']);
  assert.deepEqual(find('bandwidth.run').flags, ['multiplexed']);
  assert.equal(find('cycles').flags, undefined);
});

test('a little time off the counter is scaled without a flag', () => {
  const events = [event('cycles', { value: 0.96 * 4.32e9, runningNs: 0.96 * 3.6e9 })];
  const find = read(launchWith({ events }));
  assert.ok(Math.abs(numberOf(find('cycles')) - 4.32e7) < 1);
  assert.equal(find('cycles').status, 'measured');
});

test('counts of user space alone are flagged, and a clock from them is a lower bound', () => {
  const events = launchWith().events.map((count) =>
    count.name === 'task-clock' ? count : { ...count, isUserOnly: true },
  );
  const find = read(launchWith({ events }));
  assert.deepEqual(find('cycles').flags, ['user-only']);
  assert.deepEqual(find('frequency.actual').flags, ['user-only', 'lower-bound']);
});

test('a core with an L3 has misses of the last level, and traffic that says where it was counted', () => {
  const l3: EventCount = {
    ...event('l2.refills'),
    name: 'l3.refills',
    event: 'raw:0x2a L3D_CACHE_REFILL',
    value: 3e6,
  };
  const find = read(launchWith({ events: [...launchWith().events, l3] }));
  assert.equal(numberOf(find('cache.llc.misses')), 3e4);
  assert.deepEqual(find('bandwidth.run').flags, ['beyond-l2']);
  assert.match(reasonOf(read(launchWith())('cache.llc.misses')), /^not-supported: /);
});

test('a machine without a PMU says so of everything that needs one', () => {
  const reason = 'no-pmu: the kernel offers no performance counters';
  const events = [
    { name: 'cycles', event: 'hardware:0 cpu-cycles', reason },
    { name: 'instructions', event: 'hardware:1 instructions', reason },
    event('task-clock'),
  ];
  const find = read(launchWith({ events }), {
    probe: [unavailable('counters.bytes-per-refill', 'B', reason)],
  });
  for (const quantity of Object.keys(counterReadingUnits)) assert.equal(reasonOf(find(quantity)), reason);
});

test('where there was no launch, or it failed, or it means nothing, every reading has that reason', () => {
  assert.match(reasonOf(read(undefined)('cycles')), /^no-counters/);
  assert.equal(reasonOf(read(launchWith(), { whyNone: 'emulated' })('cycles')), 'emulated');
  const failure = { class: 'oom', message: 'The runner ran out of memory.' } as const;
  assert.equal(
    reasonOf(read(launchWith({ failure, events: [] }))('bandwidth.run')),
    'oom: The runner ran out of memory.',
  );
  for (const broken of [{ inferences: 0 }, { inferences: undefined }, { wallNs: undefined }]) {
    const launch = { ...launchWith(), ...broken } as CounterLaunch;
    assert.match(reasonOf(read(launch)('cycles')), /^bad-evidence/);
  }
});
