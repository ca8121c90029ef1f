import { setImmediate } from 'node:timers/promises';
import { hideFloat16Array } from '@qfleet/shared/inputs/hide-float16-array.ts';
import type { Tensor } from 'onnxruntime-common';
import { createWorkload, type Workload } from './compute-workloads.ts';
import type { ComputeOutcome, ComputeTask } from './probe-task.ts';

/**
 * Peak compute as ONNX Runtime's own kernels reach it: one operator, run again and again for the task's time, its
 * output checked against exact arithmetic after the first run and after the last. An "achieved GEMM", not what the
 * data sheet says. The library is loaded here, so that only a probe's child ever holds it.
 */
export async function measureCompute(
  task: ComputeTask,
  onProgress: (fraction: number) => void,
): Promise<ComputeOutcome> {
  const workload = createWorkload(task.workload, task.size);
  hideFloat16Array();
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(workload.model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: task.threads,
    logSeverityLevel: 3,
  });
  const { input, output } = workload;
  const feeds = { [input.name]: new Tensor(input.type, workload.data, input.dims) as Tensor };
  // One output for all runs: allocating it anew would be timed too.
  const result = new Tensor(input.type, emptyLike(workload, output.dims), output.dims) as Tensor;
  const run = (): Promise<unknown> => session.run(feeds, { [output.name]: result });
  const outcome = await timeRuns(run, { task, onProgress, check: () => workload.check(numbersOf(result)) });
  await session.release();
  return { kind: 'compute', operations: workload.operations, ...outcome };
}

/** The first runs wake threads and bring the operands into the caches. */
const warmupRuns = 2;

interface Timing {
  readonly task: ComputeTask;
  readonly onProgress: (fraction: number) => void;
  readonly check: () => string | undefined;
}

async function timeRuns(
  run: () => Promise<unknown>,
  { task, onProgress, check }: Timing,
): Promise<Pick<ComputeOutcome, 'runNs' | 'wrongResult'>> {
  for (let i = 0; i < warmupRuns; i++) await run();
  const early = check();
  if (early !== undefined) return { runNs: [], wrongResult: early };
  const runNs: number[] = [];
  const start = performance.now();
  let reportedMs = 0;
  for (;;) {
    const spentMs = performance.now() - start;
    const isEnough = spentMs > task.budgetMs && runNs.length >= leastRuns;
    if (isEnough || runNs.length >= mostRuns || spentMs > patience * task.budgetMs) break;
    const begin = process.hrtime.bigint();
    await run();
    runNs.push(Number(process.hrtime.bigint() - begin));
    // Lets the process hear that its parent has gone; seldom, since each message is work beside the runs.
    if (spentMs - reportedMs > progressIntervalMs) {
      reportedMs = spentMs;
      onProgress(Math.min(1, spentMs / task.budgetMs));
      await setImmediate();
    }
  }
  const late = check();
  return { runNs, ...(late !== undefined && { wrongResult: late }) };
}

const progressIntervalMs = 100;
/** Six make an interval of the median. */
const leastRuns = 6;
const mostRuns = 2000;
/** On a board so slow that six runs do not fit, so many times the budget is the end. */
const patience = 4;

function emptyLike({ data }: Workload, dims: readonly number[]): Float32Array | Uint8Array {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return data instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length);
}

function numbersOf(tensor: Tensor): ArrayLike<number> {
  return tensor.data as Float32Array | Uint8Array;
}
