import { setImmediate } from 'node:timers/promises';
import { createRandom } from '@qfleet/shared/random.ts';
import { bindKernels, compileKernels, createKernelMemory, type Kernels } from './load-kernels.ts';
import type { LatencyOutcome, LatencyTask, Rung } from './probe-task.ts';
import { lineBytes, writeCycle } from './write-cycle.ts';

/**
 * The latency ladder: per working set the time of one load that waits for the one before, over a random cycle of
 * 64-byte lines, the least of the repetitions, since everything that disturbs makes it longer. Address
 * translation is part of it, as it is of a program's loads. Pages are whatever size the system gives.
 */
export async function measureLatency(
  task: LatencyTask,
  onProgress: (fraction: number) => void,
): Promise<LatencyOutcome> {
  const largestBytes = Math.max(...task.workingSets);
  const memory = createKernelMemory(largestBytes);
  const kernels = bindKernels(await compileKernels(), memory);
  const words = new Uint32Array(memory.buffer);
  const random = createRandom(task.seed);
  const ladder: Rung[] = [];
  for (const workingSetBytes of task.workingSets) {
    writeCycle(words, workingSetBytes, random);
    ladder.push({ workingSetBytes, loadNs: timeRung(kernels, workingSetBytes, task) });
    onProgress(ladder.length / task.workingSets.length);
    // Lets the process hear that its parent has gone.
    await setImmediate();
  }
  return { kind: 'latency', ladder };
}

/** Enough to bring a set into the caches that can hold it; past 32 MiB the set is in DRAM anyway. */
const warmupStepsLimit = 2 ** 19;
const pilotSteps = 2 ** 12;

function timeRung(kernels: Kernels, workingSetBytes: number, task: LatencyTask): number {
  const nodes = workingSetBytes / lineBytes;
  const warm = chase(kernels, 0, Math.min(Math.max(nodes, pilotSteps), warmupStepsLimit));
  const pilot = chase(kernels, warm.at, pilotSteps);
  const steps = roundUp16(Math.min(Math.max(task.repetitionNs / pilot.loadNs, pilotSteps), 2 ** 26));
  let best = Number.POSITIVE_INFINITY;
  let at = pilot.at;
  for (let repetition = 0; repetition < task.repetitions; repetition++) {
    const timed = chase(kernels, at, steps);
    best = Math.min(best, timed.loadNs);
    at = timed.at;
  }
  return best;
}

/** Goes on from `at`, so that repetitions meet different parts of a large set. */
function chase(kernels: Kernels, at: number, steps: number): { at: number; loadNs: number } {
  const whole = roundUp16(steps);
  const start = process.hrtime.bigint();
  const end = kernels.chase(at, whole) >>> 0;
  return { at: end, loadNs: Number(process.hrtime.bigint() - start) / whole };
}

function roundUp16(steps: number): number {
  return Math.ceil(steps / 16) * 16;
}
