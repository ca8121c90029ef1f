import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CacheInfo } from '@qfleet/shared/inventory/inventory.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import { findRecorded } from '../inventory/testing/find-recorded.ts';
import { effectiveCacheReadings, reportedCacheReadings } from './cache-readings.ts';
import type { Rung } from './probe-task.ts';

const KiB = 1024;
const logs = findRecorded('sbc-bench-logs');

/** The column `1xPTR` of ramlat's first table in a log of sbc-bench: single pointer chase, ns. */
async function readRecordedLadder(log: string): Promise<Rung[]> {
  const text = await readFile(join(logs.path, log), 'latin1');
  const table = /size: {2}1x32.*\n((?:\s+\d+k:.*\n)+)/.exec(text)?.[1] ?? '';
  return table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/k?:?\s+/))
    .map((cells) => ({ workingSetBytes: Number(cells[0]) * KiB, loadNs: Number(cells[5]) }));
}

function unified(level: number, sizeKiB: number): CacheInfo {
  const type = level === 1 ? 'data' : 'unified';
  return { level, type, sizeBytes: sizeKiB * KiB, source: 'sysfs' };
}

/** `256…512 KiB` by quantity, or the reason's code. */
function summarise(readings: readonly Reading[]): Record<string, string> {
  const entries = readings.map((reading) => {
    readingSchema.parse(reading);
    if (reading.status === 'unavailable') return [reading.quantity, reading.reason.split(':')[0]];
    const { low, high } = reading.interval!;
    assert.equal(reading.value, low);
    return [reading.quantity, `${low / KiB}…${high / KiB} KiB`];
  });
  return Object.fromEntries(entries);
}

test('a real Pi 3B shows 32 KiB of L1, and an L2 of 512 KiB that is full at its edge', {
  skip: logs.skip,
}, async () => {
  const ladder = await readRecordedLadder('4hOp.txt');
  assert.deepEqual(summarise(effectiveCacheReadings(ladder, [unified(1, 32), unified(2, 512)])), {
    'cache.l1d.effective': '32…64 KiB',
    'cache.l2.effective': '256…512 KiB',
    'cache.llc.effective': '256…512 KiB',
  });
});

test('a real Jetson Nano shows the same without anything reported', { skip: logs.skip }, async () => {
  const ladder = await readRecordedLadder('4rLX.txt');
  assert.deepEqual(summarise(effectiveCacheReadings(ladder, [])), {
    'cache.l1d.effective': '32…64 KiB',
    'cache.l2.effective': '1024…2048 KiB',
    'cache.llc.effective': '1024…2048 KiB',
  });
});

test('a plateau that goes on beyond the reported L2 is the last level, not the L2 (a real Orin Nano)', {
  skip: logs.skip,
}, async () => {
  const ladder = await readRecordedLadder('4vgu.txt');
  const caches = [unified(1, 64), unified(2, 256), unified(3, 2048)];
  assert.deepEqual(summarise(effectiveCacheReadings(ladder, caches)), {
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
  assert.deepEqual(summarise(readings), {
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
    summarise(effectiveCacheReadings(disturbed, caches)),
    summarise(effectiveCacheReadings(virtualMachine, caches)),
  );
});

test('a ladder without steps has no effective caches, only the reason', () => {
  const ramp = Array.from({ length: 30 }, (_, i) => ({ workingSetBytes: 4096 * 1.5 ** i, loadNs: 1.2 ** i }));
  const flat = ramp.map((rung) => ({ ...rung, loadNs: 5 }));
  for (const ladder of [ramp, flat, []])
    assert.deepEqual(summarise(effectiveCacheReadings(ladder, [])), {
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
