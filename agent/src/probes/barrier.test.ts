import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Barrier } from './barrier.ts';

/** Counts itself, waits, and looks whether all others have counted; `lag` makes some threads come late. */
const script = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.barrierUrl).then(({ Barrier }) => {
    const { memory, counter, threads, rounds, lag } = workerData;
    const barrier = new Barrier(memory, threads);
    const cells = new Int32Array(counter);
    let early = 0;
    for (let round = 1; round <= rounds; round++) {
      if (lag && round % 50 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      Atomics.add(cells, 0, 1);
      barrier.wait();
      if (Atomics.load(cells, 0) !== round * threads) early += 1;
      barrier.wait();
    }
    parentPort.postMessage(early);
  });`;

test('no thread passes a barrier before all have come, however late', async () => {
  const threads = 3;
  const workerData = {
    barrierUrl: new URL('./barrier.ts', import.meta.url).href,
    memory: new SharedArrayBuffer(Barrier.sizeBytes),
    counter: new SharedArrayBuffer(4),
    threads,
    rounds: 200,
  };
  const early = await Promise.all(
    Array.from({ length: threads }, (_, i) => {
      const worker = new Worker(script, { eval: true, workerData: { ...workerData, lag: i === 0 } });
      return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  assert.deepEqual(early, [0, 0, 0]);
});
