import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BandwidthTask, LatencyTask } from './probe-task.ts';
import { runInChild } from './run-in-child.ts';

const MiB = 1024 * 1024;
const quick: BandwidthTask = {
  kind: 'bandwidth',
  threads: 3,
  arrayBytes: 3 * MiB + 3 * 128,
  iterations: 4,
  budgetMs: 10_000,
};
/** Would run for minutes. */
const endless: LatencyTask = {
  kind: 'latency',
  workingSets: Array.from({ length: 1000 }, () => 4096),
  repetitions: 7,
  repetitionNs: 3e7,
  seed: 1,
};

function options(overrides: Partial<Parameters<typeof runInChild>[1]> = {}) {
  return { limitMs: 30_000, signal: new AbortController().signal, onProgress: () => {}, ...overrides };
}

test('a bandwidth task times every kernel in all passes but the first', async () => {
  const fractions: number[] = [];
  const { kernels } = await runInChild(
    quick,
    options({ onProgress: (fraction) => fractions.push(fraction) }),
  );
  for (const kernel of Object.values(kernels)) {
    assert.equal(kernel.passNs.length, 3);
    assert.ok(kernel.passNs.every((ns) => ns > 0));
    // A part of 1 MiB + 128 B is two pieces; three threads, three passes.
    assert.equal(kernel.chunks, 18);
    assert.ok(kernel.slowChunks < kernel.chunks);
  }
  assert.deepEqual(fractions, [0.25, 0.5, 0.75, 1]);
});

test('a bandwidth task whose time is over stops after three iterations', async () => {
  const { kernels } = await runInChild({ ...quick, iterations: 50, budgetMs: 0 }, options());
  assert.equal(kernels.triad.passNs.length, 2);
});

test('a latency task gives one rung per working set', async () => {
  const task: LatencyTask = { ...endless, workingSets: [4096, 6144, MiB], repetitionNs: 1e5 };
  const { ladder } = await runInChild(task, options());
  assert.deepEqual(
    ladder.map((rung) => rung.workingSetBytes),
    [4096, 6144, MiB],
  );
  assert.ok(ladder.every((rung) => rung.loadNs > 0));
});

test('a task that takes too long is stopped with `timeout`', async () => {
  await assert.rejects(runInChild(endless, options({ limitMs: 500 })), {
    code: 'timeout',
    message: /more than its 0\.5 s/,
  });
});

test('a task is cancelled by its signal, before it starts and while it runs', async () => {
  await assert.rejects(runInChild(endless, options({ signal: AbortSignal.abort() })), { code: 'cancelled' });
  const controller = new AbortController();
  const running = runInChild(
    endless,
    options({ signal: controller.signal, onProgress: () => controller.abort() }),
  );
  await assert.rejects(running, { code: 'cancelled' });
});

test('a failure in the child arrives as an error with its words', async () => {
  const tooLarge: LatencyTask = { ...endless, workingSets: [8 * 1024 * MiB] };
  await assert.rejects(runInChild(tooLarge, options()), { code: 'internal', message: /Memory/ });
});
