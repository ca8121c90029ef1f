import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrayForThreads, planProbe } from './plan-probe.ts';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const unlimited = { availableBytes: 16 * GiB, maxMemoryBytes: 0 };

test('arrays hold four times all last-level caches, and 16 MiB at least', () => {
  const server = planProbe({ ...unlimited, lastLevelBytes: 32 * MiB, lastLevelTotalBytes: 64 * MiB });
  assert.equal(server.arrayBytes, 256 * MiB);
  const raspberry = planProbe({ ...unlimited, lastLevelBytes: MiB / 2, lastLevelTotalBytes: MiB / 2 });
  assert.equal(raspberry.arrayBytes, 16 * MiB);
  assert.deepEqual([server.arrayFlags, raspberry.arrayFlags], [[], []]);
});

test('a Raspberry Pi 3 with 300 MiB available gets full arrays and a 64 MiB ladder', () => {
  const caches = { lastLevelBytes: MiB / 2, lastLevelTotalBytes: MiB / 2 };
  const sizes = planProbe({ ...caches, availableBytes: 300 * MiB, maxMemoryBytes: 0 });
  assert.equal(sizes.arrayBytes, 16 * MiB);
  assert.equal(sizes.workingSets.at(-1), 64 * MiB);
  assert.deepEqual([...sizes.arrayFlags, ...sizes.ladderFlags], []);
});

test('three arrays stay within a quarter of what is available, and the broken rule is flagged', () => {
  const caches = { lastLevelBytes: 32 * MiB, lastLevelTotalBytes: 32 * MiB };
  const sizes = planProbe({ ...caches, availableBytes: 960 * MiB, maxMemoryBytes: 0 });
  assert.equal(sizes.arrayBytes, 80 * MiB);
  assert.deepEqual(sizes.arrayFlags, ['array<4xLLC']);
  assert.deepEqual(sizes.ladderFlags, []);
  assert.equal(sizes.workingSets.at(-1), 128 * MiB);
});

test('the user’s limit holds where it is lower, and cannot raise the quarter', () => {
  const limited = planProbe({ ...unlimited, maxMemoryBytes: 12 * MiB });
  assert.equal(limited.arrayBytes, 4 * MiB);
  assert.equal(limited.workingSets.at(-1), 12 * MiB);
  const greedy = planProbe({ availableBytes: 24 * MiB, maxMemoryBytes: 8 * GiB });
  assert.ok(3 * greedy.arrayBytes <= 6 * MiB);
});

test('three arrays of a machine with enormous caches fit into one WebAssembly memory', () => {
  const { arrayBytes, arrayFlags } = planProbe({
    availableBytes: 512 * GiB,
    maxMemoryBytes: 0,
    lastLevelBytes: 96 * MiB,
    lastLevelTotalBytes: 1152 * MiB,
  });
  assert.ok(3 * arrayForThreads(arrayBytes, 255) <= 4 * GiB);
  assert.deepEqual(arrayFlags, ['array<4xLLC']);
});

test('unknown caches are flagged instead of taken for small', () => {
  const { arrayFlags, ladderFlags } = planProbe(unlimited);
  assert.deepEqual([arrayFlags, ladderFlags], [['llc-unknown'], ['llc-unknown']]);
});

test('the ladder has two rungs an octave in whole lines', () => {
  const { workingSets } = planProbe(unlimited);
  assert.deepEqual(workingSets.slice(0, 5), [4096, 6144, 8192, 12288, 16384]);
  assert.equal(workingSets.at(-1), 64 * MiB);
  assert.ok(workingSets.every((bytes) => bytes % 64 === 0));
});

test('every thread gets an equal part of an array in whole steps of the read kernel', () => {
  for (const threads of [1, 2, 3, 4, 6, 12]) {
    const bytes = arrayForThreads(16 * MiB, threads);
    assert.equal(bytes % (threads * 128), 0);
    assert.ok(bytes >= 16 * MiB && bytes < 16 * MiB + threads * 128);
  }
});
