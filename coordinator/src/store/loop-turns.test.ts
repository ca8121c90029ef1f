import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoopTurns } from './loop-turns.ts';

/** Keeps the processor busy, as a synchronous database does. */
function work(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test('a chain of steps lets the event loop turn on its way', async () => {
  const turns = new LoopTurns();
  let heard = 0;
  let isDone = false;
  const listen = (): void => {
    if (isDone) return;
    heard++;
    setImmediate(listen);
  };
  setImmediate(listen);
  for (let step = 0; step < 20; step++) {
    await turns.take();
    work(4);
  }
  isDone = true;
  assert.ok(heard >= 4, `${heard} turns in 80 ms of work`);
});

test('many that wait together do not go on together', async () => {
  const turns = new LoopTurns();
  let running = 0;
  let longest = 0;
  let isDone = false;
  const listen = (): void => {
    longest = Math.max(longest, running);
    running = 0;
    if (!isDone) setImmediate(listen);
  };
  setImmediate(listen);
  let queue = Promise.resolve();
  const steps = Array.from({ length: 40 }, () => {
    queue = queue.then(async () => {
      await turns.take();
      work(4);
      running++;
    });
    return queue;
  });
  await Promise.all(steps);
  isDone = true;
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(longest <= 10, `${longest} of 40 steps without a turn`);
});
