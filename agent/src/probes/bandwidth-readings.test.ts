import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import { bandwidthReadings, missingBandwidthReadings } from './bandwidth-readings.ts';
import type { BandwidthOutcome, KernelOutcome } from './probe-task.ts';

const passNs = [2e6, 1e6, 4e6, 2e6, 2e6, 2e6, 2e6, 2e6, 2.5e6];
const quiet: KernelOutcome = { passNs, chunks: 100, slowChunks: 5 };
const setup = { scope: 'all', arrayBytes: 8_000_000, iterations: 10, flags: [] } as const;

function outcome(kernel: KernelOutcome): BandwidthOutcome {
  return {
    kind: 'bandwidth',
    kernels: { copy: kernel, scale: kernel, add: kernel, triad: kernel, read: kernel },
  };
}

test('bytes are counted as STREAM does, the best pass is the value, the median stands beside it', () => {
  const readings = bandwidthReadings(outcome(quiet), setup);
  for (const reading of readings) readingSchema.parse(reading);
  const byQuantity = new Map(readings.map((reading) => [reading.quantity, reading]));
  const bestOf = (quantity: string): number | undefined => {
    const reading = byQuantity.get(quantity);
    return reading && reading.status !== 'unavailable' ? reading.value : undefined;
  };
  // A million elements in the best pass of 1 ms: 10^9 elements a second.
  assert.equal(bestOf('mem.bandwidth.copy.all'), 16e9);
  assert.equal(bestOf('mem.bandwidth.scale.all'), 16e9);
  assert.equal(bestOf('mem.bandwidth.add.all'), 24e9);
  assert.equal(bestOf('mem.bandwidth.triad.all'), 24e9);
  assert.equal(bestOf('mem.bandwidth.read.all'), 8e9);
  assert.equal(bestOf('mem.bandwidth.triad.all.median'), 12e9);
  const median = byQuantity.get('mem.bandwidth.triad.all.median');
  assert.deepEqual(median && 'interval' in median && median.interval, {
    low: 24e6 / 2.5e-3,
    high: 12e9,
    method: 'order-statistics',
  });
});

const flagsOf = (kernel: KernelOutcome, flags: readonly string[] = []): unknown =>
  bandwidthReadings(outcome(kernel), { ...setup, flags })[0]?.flags;

test('one piece in twenty may be disturbed, more is flagged', () => {
  assert.equal(flagsOf(quiet), undefined);
  assert.deepEqual(flagsOf({ ...quiet, slowChunks: 6 }), ['interference']);
});

test('too small arrays and too few iterations are flagged', () => {
  assert.deepEqual(flagsOf({ ...quiet, passNs: passNs.slice(0, 3) }, ['array<4xLLC']), [
    'array<4xLLC',
    'iterations<10',
  ]);
});

test('without an outcome every quantity is unavailable with the reason', () => {
  const missing = missingBandwidthReadings('all', 'emulated');
  const measured = bandwidthReadings(outcome(quiet), setup);
  assert.deepEqual(
    missing.map((reading) => reading.quantity),
    measured.map((reading) => reading.quantity),
  );
  assert.ok(missing.every((reading) => reading.status === 'unavailable' && reading.reason === 'emulated'));
});
