import assert from 'node:assert/strict';
import { test } from 'node:test';
import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { type RooflineEvidence, rooflineReadings } from './roofline-readings.ts';

const measured = (quantity: string, value: number, unit: string): Reading =>
  available({ quantity, value, unit, method: 'test' });

/** 1 ms an inference, 1 G operations, 10 MB; a device of 2 T operations and 40 GB a second. */
const evidence: RooflineEvidence = {
  latency: measured('latency.p50', 1e6, 'ns'),
  macs: 5e8,
  weightBytes: 9.9e6,
  inputOutputBytes: 1e5,
  batch: 1,
  threadsUsed: 4,
  integerShare: measured('operators.integer.share', 0, '1'),
  countedBytes: undefined,
  probe: [
    measured('compute.fp32.all', 2e12, 'op/s'),
    measured('compute.int8.all', 8e12, 'op/s'),
    measured('compute.fp32.1', 5e11, 'op/s'),
    measured('mem.bandwidth.triad.all', 4e10, 'B/s'),
    measured('mem.bandwidth.triad.1', 1e10, 'B/s'),
    measured('cache.llc.effective', 2e6, 'B'),
  ],
};

function shares(change: Partial<RooflineEvidence>): (number | string)[] {
  return rooflineReadings({ ...evidence, ...change }).map((reading) =>
    reading.status === 'unavailable' ? reading.reason : Number(reading.value.toPrecision(12)),
  );
}

test('shares are work and bytes per second over the peaks that the device was measured to have', () => {
  // 1 T operations of 2, 10 GB of 40 a second, 100 operations a byte.
  assert.deepEqual(shares({}), [0.5, 0.25, 100]);
});

test('int8 is held against the int8 roof, one thread against the roof of one, a batch does its work so often', () => {
  assert.equal(shares({ integerShare: measured('operators.integer.share', 0.9, '1') })[0], 0.125);
  assert.deepEqual(shares({ threadsUsed: 1 }).slice(0, 2), [2, 1]);
  // The weights are read once for the whole batch.
  assert.deepEqual(
    shares({ batch: 2 }),
    [1, (9.9e6 + 2e5) / 4e7, 2e9 / 1.01e7].map((x) => Number(x.toPrecision(12))),
  );
});

test('counted bytes stand before compulsory ones, which are a lower bound, and may never leave the cache', () => {
  const [, counted] = rooflineReadings({ ...evidence, countedBytes: measured('bytes.inference', 2e7, 'B') });
  assert.ok(counted?.status === 'derived' && counted.value === 0.5 && counted.flags === undefined);
  const flagsOf = (weightBytes: number): unknown => {
    const [, reading] = rooflineReadings({ ...evidence, weightBytes });
    return reading?.status === 'derived' && reading.flags;
  };
  assert.deepEqual(flagsOf(9.9e6), ['lower-bound']);
  assert.deepEqual(flagsOf(1e6), ['lower-bound', 'fits-llc']);
});

test('what is missing is told by its own reason', () => {
  assert.deepEqual(shares({ latency: unavailable('latency.p50', 'ns', 'emulated') }), [
    'emulated',
    'emulated',
    100,
  ]);
  assert.deepEqual(shares({ macs: undefined }), [
    'no-macs: not every operator could be counted',
    0.25,
    'no-macs: not every operator could be counted',
  ]);
  const [compute, memory] = shares({ probe: [] });
  assert.match(String(compute), /^not-probed/);
  assert.match(String(memory), /^not-probed/);
});
