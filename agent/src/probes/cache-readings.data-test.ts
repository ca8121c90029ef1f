import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { effectiveCacheReadings } from './cache-readings.ts';
import type { Rung } from './probe-task.ts';
import { summariseCaches, unified } from './testing/summarise-caches.ts';

const KiB = 1024;
const logs = testDataPath('devices/sbc-bench-logs');

/** The column `1xPTR` of ramlat's first table in a log of sbc-bench: single pointer chase, ns. */
async function readRecordedLadder(log: string): Promise<Rung[]> {
  const text = await readFile(join(logs, log), 'latin1');
  const table = /size: {2}1x32.*\n((?:\s+\d+k:.*\n)+)/.exec(text)?.[1] ?? '';
  return table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/k?:?\s+/))
    .map((cells) => ({ workingSetBytes: Number(cells[0]) * KiB, loadNs: Number(cells[5]) }));
}

test('a real Pi 3B shows 32 KiB of L1, and an L2 of 512 KiB that is full at its edge', async () => {
  const ladder = await readRecordedLadder('4hOp.txt');
  assert.deepEqual(summariseCaches(effectiveCacheReadings(ladder, [unified(1, 32), unified(2, 512)])), {
    'cache.l1d.effective': '32…64 KiB',
    'cache.l2.effective': '256…512 KiB',
    'cache.llc.effective': '256…512 KiB',
  });
});

test('a real Jetson Nano shows the same without anything reported', async () => {
  const ladder = await readRecordedLadder('4rLX.txt');
  assert.deepEqual(summariseCaches(effectiveCacheReadings(ladder, [])), {
    'cache.l1d.effective': '32…64 KiB',
    'cache.l2.effective': '1024…2048 KiB',
    'cache.llc.effective': '1024…2048 KiB',
  });
});

test('a plateau that goes on beyond the reported L2 is the last level, not the L2 (a real Orin Nano)', async () => {
  const ladder = await readRecordedLadder('4vgu.txt');
  const caches = [unified(1, 64), unified(2, 256), unified(3, 2048)];
  assert.deepEqual(summariseCaches(effectiveCacheReadings(ladder, caches)), {
    'cache.l1d.effective': '64…128 KiB',
    'cache.l2.effective': 'unclear-plateau',
    'cache.llc.effective': '2048…4096 KiB',
  });
});
