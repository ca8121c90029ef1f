import { Worker } from 'node:worker_threads';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type BandwidthKernel, bandwidthKernels } from './bandwidth-kernels.ts';
import { Barrier } from './barrier.ts';
import { compileKernels, createKernelMemory } from './load-kernels.ts';
import type { BandwidthOutcome, BandwidthTask, KernelOutcome } from './probe-task.ts';
import type { BandwidthThreadData, BandwidthThreadMessage, ThreadTimes } from './run-bandwidth-thread.ts';

/**
 * Times the bandwidth kernels with `task.threads` worker threads over three arrays, every thread on its own
 * part, which it touches first. A variant of the STREAM benchmark code, in WebAssembly SIMD; its numbers are not
 * "STREAM benchmark results". Throws `internal` where a kernel's results are wrong.
 *
 * Beside the same loops in C (gcc 12 -O3, OpenMP, no memcpy), interleaved over five rounds on a busy two-processor
 * EPYC, medians of the bests: one thread copy 0.94, scale 0.98, add 0.86, triad 0.94; two threads 1.00, 0.97, 0.95,
 * 0.87. On Arm boards the ratio has not been measured.
 */
export async function measureBandwidth(
  task: BandwidthTask,
  onProgress: (fraction: number) => void,
): Promise<BandwidthOutcome> {
  const module = await compileKernels();
  const memory = createKernelMemory(3 * task.arrayBytes);
  const shared = {
    module,
    memory,
    control: new SharedArrayBuffer(Barrier.sizeBytes + 4),
    threads: task.threads,
    arrays: { a: 0, b: task.arrayBytes, c: 2 * task.arrayBytes },
    arrayBytes: task.arrayBytes,
    iterations: task.iterations,
    budgetMs: task.budgetMs,
  };
  const workers = Array.from({ length: task.threads }, (_, thread) =>
    runWorker({ ...shared, thread }, (done) => onProgress(done / task.iterations)),
  );
  const threads = await Promise.all(workers);
  return { kind: 'bandwidth', kernels: combine(threads) };
}

type ThreadOutcome = Readonly<Record<BandwidthKernel, ThreadTimes>>;

function runWorker(
  workerData: BandwidthThreadData,
  onIteration: (done: number) => void,
): Promise<ThreadOutcome> {
  const worker = new Worker(new URL('./bandwidth-worker.ts', import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    worker.on('message', (message: BandwidthThreadMessage) => {
      if (message.kind === 'iteration') onIteration(message.done);
      else if (message.kind === 'done') resolve(message.kernels);
      else reject(new QfleetError('internal', `A kernel computed wrong results: ${message.message}.`));
    });
    worker.once('error', reject);
    // After `done` this settles nothing any more.
    worker.once('exit', (code) =>
      reject(new QfleetError('crashed', `A bandwidth thread ended with code ${code} before it was done.`)),
    );
  });
}

function combine(threads: readonly ThreadOutcome[]): Record<BandwidthKernel, KernelOutcome> {
  const entries = bandwidthKernels.map((kernel) => [kernel, combineKernel(threads.map((t) => t[kernel]))]);
  return Object.fromEntries(entries) as Record<BandwidthKernel, KernelOutcome>;
}

/** A pass lasts from the first thread's start to the last one's end, as STREAM's timer sees it. */
function combineKernel(threads: readonly ThreadTimes[]): KernelOutcome {
  const passes = threads[0]?.starts.length ?? 0;
  const passNs = Array.from({ length: passes }, (_, pass) => {
    const ends = threads.map((times) => times.ends[pass] ?? Number.NaN);
    const starts = threads.map((times) => times.starts[pass] ?? Number.NaN);
    return Math.max(...ends) - Math.min(...starts);
  });
  const total = (count: (times: ThreadTimes) => number): number =>
    threads.reduce((sum, times) => sum + count(times), 0);
  return { passNs, chunks: total((times) => times.chunks), slowChunks: total((times) => times.slowChunks) };
}
