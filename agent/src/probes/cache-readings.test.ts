import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveCacheReadings, reportedCacheReadings } from './cache-readings.ts';
import type { Rung } from './probe-task.ts';
import { summariseCaches, unified } from './testing/summarise-caches.ts';

const KiB = 1024;
/** KiB and ns of a pointer chase on boards (ramlat's column 1xPTR in logs of sbc-bench). */
const pi3 = ladderOf(
  [4, 2.527, 8, 2.532, 16, 2.529, 32, 2.598, 64, 22.84, 128, 26.93, 256, 28.76, 512, 76.32],
  [1024, 158.8, 2048, 163.2, 4096, 172.9, 8192, 173.6, 16384, 176.1],
);
const jetsonNano = ladderOf(
  [4, 2.71, 8, 2.71, 16, 2.714, 32, 2.712, 64, 16.56, 128, 16.89, 256, 16.91, 512, 16.95],
  [1024, 16.94, 2048, 25.51, 4096, 126.4, 8192, 143, 16384, 143.5, 32768, 143.4, 65536, 143.3, 131072, 143.5],
);
const orinNano = ladderOf(
  [4, 2.655, 8, 2.655, 16, 2.656, 32, 2.653, 64, 2.654, 128, 7.962, 256, 8.065, 512, 9.197],
  [
    1024, 9.603, 2048, 10.45, 4096, 26.54, 8192, 96.24, 16384, 200.9, 32768, 256.5, 65536, 287.4, 131072,
    296.9,
  ],
);

test('a Pi 3B shows 32 KiB of L1, and an L2 of 512 KiB that is full at its edge', () => {
  assert.deepEqual(summariseCaches(effectiveCacheReadings(pi3, [unified(1, 32), unified(2, 512)])), {
    'cache.l1d.effective': '32…64 KiB',
    'cache.l2.effective': '256…512 KiB',
    'cache.llc.effective': '256…512 KiB',
  });
});

test('a Jetson Nano shows the same without anything reported', () => {
  assert.deepEqual(summariseCaches(effectiveCacheReadings(jetsonNano, [])), {
    'cache.l1d.effective': '32…64 KiB',
    'cache.l2.effective': '1024…2048 KiB',
    'cache.llc.effective': '1024…2048 KiB',
  });
});

test('a plateau that goes on beyond the reported L2 is the last level, not the L2 (an Orin Nano)', () => {
  const caches = [unified(1, 64), unified(2, 256), unified(3, 2048)];
  assert.deepEqual(summariseCaches(effectiveCacheReadings(orinNano, caches)), {
    'cache.l1d.effective': '64…128 KiB',
    'cache.l2.effective': 'unclear-plateau',
    'cache.llc.effective': '2048…4096 KiB',
  });
});

/** KiB and ns as measured on a virtual machine that reports 1 MiB of L2 and 32 MiB of L3. */
const virtualMachine = ladderOf(
  [4, 1.11, 6, 1.1, 8, 1.1, 12, 1.12, 16, 1.15, 24, 1.16, 32, 1.32, 48, 3.92, 64, 3.98, 96, 3.96],
  [128, 3.9, 192, 3.9, 256, 3.96, 384, 5.93, 512, 7.55, 768, 10.24, 1024, 12.75, 1536, 14.62],
  [2048, 113.7, 3072, 116.1, 4096, 124.7, 6144, 120.4, 8192, 134.3, 12288, 151.3, 16384, 156.7],
  [24576, 170.3, 32768, 166.2, 49152, 171, 65536, 177.1, 98304, 201.3, 131072, 244.9],
);

function ladderOf(...rows: readonly number[][]): Rung[] {
  const flat = rows.flat();
  return flat.flatMap((sizeKiB, i) =>
    i % 2 === 0 ? [{ workingSetBytes: sizeKiB * KiB, loadNs: flat[i + 1]! }] : [],
  );
}

test('a virtual machine’s share of the last level ends where DRAM begins, and the method says so', () => {
  const caches = [unified(1, 32), unified(2, 1024), unified(3, 32768)];
  const readings = effectiveCacheReadings(virtualMachine, caches);
  assert.deepEqual(summariseCaches(readings), {
    'cache.l1d.effective': '32…48 KiB',
    'cache.l2.effective': '256…384 KiB',
    'cache.llc.effective': '1536…2048 KiB',
  });
  assert.deepEqual(
    readings.map((reading) => reading.method),
    ['latency-ladder plateau/1', 'latency-ladder plateau/1', 'latency-ladder dram-step/1'],
  );
});

test('one disturbed rung does not end a level', () => {
  const disturbed = virtualMachine.map((rung) =>
    rung.workingSetBytes === 12 * KiB || rung.workingSetBytes === 96 * KiB ? { ...rung, loadNs: 40 } : rung,
  );
  const caches = [unified(2, 1024), unified(3, 32768)];
  assert.deepEqual(
    summariseCaches(effectiveCacheReadings(disturbed, caches)),
    summariseCaches(effectiveCacheReadings(virtualMachine, caches)),
  );
});

test('a ladder without steps has no effective caches, only the reason', () => {
  const ramp = Array.from({ length: 30 }, (_, i) => ({ workingSetBytes: 4096 * 1.5 ** i, loadNs: 1.2 ** i }));
  const flat = ramp.map((rung) => ({ ...rung, loadNs: 5 }));
  for (const ladder of [ramp, flat, []])
    assert.deepEqual(summariseCaches(effectiveCacheReadings(ladder, [])), {
      'cache.l1d.effective': 'unclear-plateau',
      'cache.l2.effective': 'unclear-plateau',
      'cache.llc.effective': 'unclear-plateau',
    });
});

test('reported caches name their source, and those that nobody reports are not present', () => {
  const table = { ...unified(1, 32), source: 'table:Cortex-A57' };
  const readings = reportedCacheReadings([table]);
  assert.deepEqual(readings[0], {
    quantity: 'cache.l1d.reported',
    status: 'derived',
    value: 32 * KiB,
    unit: 'B',
    method: 'reported:table:Cortex-A57',
  });
  assert.deepEqual(
    readings.slice(1).map((reading) => [reading.quantity, reading.status]),
    [
      ['cache.l2.reported', 'unavailable'],
      ['cache.llc.reported', 'unavailable'],
    ],
  );
});
