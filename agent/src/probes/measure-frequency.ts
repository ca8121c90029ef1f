import { setImmediate } from 'node:timers/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { bindKernels, compileKernels, createKernelMemory } from './load-kernels.ts';
import type { FrequencyOutcome, FrequencyTask } from './probe-task.ts';

/** Additions that one round of the kernel makes, one after the other. */
const addsPerRound = 64;

/**
 * Times chains of additions of which each needs the one before: one cycle each on every core that the agent runs on,
 * so that their rate is the clock's. Spins first, for a governor that raises the clock only under load. Throws
 * `internal` where the chain's result is wrong.
 */
export async function measureFrequency(task: FrequencyTask): Promise<FrequencyOutcome> {
  const { fibonacci } = bindKernels(await compileKernels(), createKernelMemory(65536));
  const { rounds } = task;
  const expected = fibonacciModulo(addsPerRound * rounds);
  const spinUntil = performance.now() + task.warmupMs;
  while (performance.now() < spinUntil) fibonacci(rounds);
  const repetitionNs: number[] = [];
  for (let i = 0; i < task.repetitions; i++) {
    const start = process.hrtime.bigint();
    const last = fibonacci(rounds) >>> 0;
    repetitionNs.push(Number(process.hrtime.bigint() - start));
    if (last !== expected)
      throw new QfleetError('internal', `The chain of additions ended with ${last}, not ${expected}.`);
    // Lets the process hear that its parent has gone.
    await setImmediate();
  }
  return { kind: 'frequency', adds: addsPerRound * rounds, repetitionNs };
}

/** The n-th Fibonacci number modulo 2³², by doubling: F(2k) = F(k)(2F(k+1) − F(k)), F(2k+1) = F(k)² + F(k+1)². */
function fibonacciModulo(n: number): number {
  let [a, b] = [0n, 1n];
  for (const bit of n.toString(2)) {
    const [even, odd] = [BigInt.asUintN(32, a * (2n * b - a)), BigInt.asUintN(32, a * a + b * b)];
    [a, b] = bit === '1' ? [odd, BigInt.asUintN(32, even + odd)] : [even, odd];
  }
  return Number(a);
}
