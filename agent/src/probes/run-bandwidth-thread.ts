import { type BandwidthKernel, bandwidthKernels, elementBytes } from './bandwidth-kernels.ts';
import { Barrier } from './barrier.ts';
import { bindKernels, type KernelMemory, type KernelModule, type Kernels } from './load-kernels.ts';
import { initialValues, streamScalar, streamValues } from './stream-recurrence.ts';

/** What a thread is given. */
export interface BandwidthThreadData {
  readonly module: KernelModule;
  readonly memory: KernelMemory;
  /** One barrier, then one int32 that is 1 when the time is over. */
  readonly control: SharedArrayBuffer;
  readonly thread: number;
  readonly threads: number;
  /** Addresses of the three arrays, and the length of each. */
  readonly arrays: ArrayAddresses;
  readonly arrayBytes: number;
  readonly iterations: number;
  readonly budgetMs: number;
}

interface ArrayAddresses {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** What a thread says: that an iteration is over (thread 0 alone), and in the end what it timed. */
export type BandwidthThreadMessage =
  | { readonly kind: 'iteration'; readonly done: number }
  | { readonly kind: 'done'; readonly kernels: Readonly<Record<BandwidthKernel, ThreadTimes>> }
  | { readonly kind: 'wrong'; readonly message: string };

/** One thread's part of the timed passes of one kernel, nanoseconds of the machine's monotonic clock. */
export interface ThreadTimes {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly chunks: number;
  readonly slowChunks: number;
}

/**
 * One thread of the bandwidth probe: touches its part of the arrays first, then times every kernel over it in
 * step with the other threads, dropping the first iteration, and checks the results as STREAM does.
 */
export function runBandwidthThread(
  data: BandwidthThreadData,
  send: (message: BandwidthThreadMessage) => void,
): void {
  const part = createPart(data);
  const times = createTimes();
  const startNs = nowNs();
  let iterations = 0;
  let sum = 0;
  while (iterations < data.iterations && Atomics.load(part.stop, 0) === 0) {
    for (const kernel of bandwidthKernels) sum = timePass(part, kernel, times[kernel], iterations > 0);
    iterations += 1;
    if (data.thread === 0) {
      send({ kind: 'iteration', done: iterations });
      if (iterations >= 3 && nowNs() - startNs > data.budgetMs * 1e6) Atomics.store(part.stop, 0, 1);
    }
    // Nobody looks at the stop sign before thread 0 has had its chance to put it up.
    part.barrier.wait();
  }
  send(findMistake(part, iterations, sum) ?? { kind: 'done', kernels: summarise(times) });
}

/** STREAM's limit of the mean error, relative, for float64. */
const errorLimit = 1e-13;
/** The sum of the read kernel runs over millions of terms, and its rounding with it. */
const sumErrorLimit = 1e-9;
/** Small enough that a preemption spoils few pieces, large enough that reading the clock costs nothing. */
const chunkBytes = 1024 * 1024;

/** This thread's own part of the arrays, and what it shares with the others. */
interface Part {
  readonly kernels: Kernels;
  readonly barrier: Barrier;
  readonly stop: Int32Array;
  readonly address: ArrayAddresses;
  readonly bytes: number;
}

function createPart(data: BandwidthThreadData): Part {
  const kernels = bindKernels(data.module, data.memory);
  const bytes = data.arrayBytes / data.threads;
  const offset = data.thread * bytes;
  const address = { a: data.arrays.a + offset, b: data.arrays.b + offset, c: data.arrays.c + offset };
  for (const array of arrayNames) kernels.fill(address[array], bytes, initialValues[array]);
  return {
    kernels,
    barrier: new Barrier(data.control, data.threads),
    stop: new Int32Array(data.control, Barrier.sizeBytes, 1),
    address,
    bytes,
  };
}

const arrayNames = ['a', 'b', 'c'] as const;

interface PassTimes {
  readonly starts: number[];
  readonly ends: number[];
  /** Nanoseconds per byte of every piece. */
  readonly chunkCosts: number[];
}

/** One pass of a kernel over this thread's part, in pieces; returns the sum that the read kernel found. */
function timePass(part: Part, kernel: BandwidthKernel, times: PassTimes, isKept: boolean): number {
  part.barrier.wait();
  let sum = 0;
  const start = nowNs();
  let previous = start;
  for (let at = 0; at < part.bytes; at += chunkBytes) {
    const bytes = Math.min(chunkBytes, part.bytes - at);
    sum += runChunk(part, kernel, at, bytes);
    const now = nowNs();
    if (isKept) times.chunkCosts.push((now - previous) / bytes);
    previous = now;
  }
  if (isKept) {
    times.starts.push(start);
    times.ends.push(previous);
  }
  return sum;
}

/** `c = a`, `b = q·c`, `c = a + b`, `a = b + q·c`, or the sum of a, which alone is returned. */
function runChunk(part: Part, kernel: BandwidthKernel, at: number, bytes: number): number {
  const { kernels } = part;
  const a = part.address.a + at;
  const b = part.address.b + at;
  const c = part.address.c + at;
  if (kernel === 'read') return kernels.read(a, bytes);
  if (kernel === 'copy') kernels.copy(c, a, bytes);
  else if (kernel === 'scale') kernels.scale(b, c, bytes, streamScalar);
  else if (kernel === 'add') kernels.add(c, a, b, bytes);
  else kernels.triad(a, b, c, bytes, streamScalar);
  return 0;
}

/** STREAM's check: a fast kernel that computes something else is no measurement. */
function findMistake(part: Part, iterations: number, sum: number): BandwidthThreadMessage | undefined {
  const expected = streamValues(iterations);
  const elements = part.bytes / elementBytes;
  for (const array of arrayNames) {
    const deviation = part.kernels.deviation(part.address[array], part.bytes, expected[array]);
    // Written so that NaN is a mistake too.
    const isRight = deviation / elements <= errorLimit * expected[array];
    if (!isRight) return wrong(`array ${array}`, deviation / elements, expected[array]);
  }
  const sumError = Math.abs(sum / elements - expected.a);
  return sumError <= sumErrorLimit * expected.a
    ? undefined
    : wrong('the sum of array a', sumError, expected.a);
}

function wrong(what: string, meanError: number, expected: number): BandwidthThreadMessage {
  return { kind: 'wrong', message: `${what}: expected ${expected}, mean error ${meanError}` };
}

function createTimes(): Record<BandwidthKernel, PassTimes> {
  const create = (): PassTimes => ({ starts: [], ends: [], chunkCosts: [] });
  return { copy: create(), scale: create(), add: create(), triad: create(), read: create() };
}

function summarise(times: Record<BandwidthKernel, PassTimes>): Record<BandwidthKernel, ThreadTimes> {
  const of = ({ starts, ends, chunkCosts }: PassTimes): ThreadTimes => {
    const median = [...chunkCosts].sort((x, y) => x - y)[Math.floor(chunkCosts.length / 2)] ?? 0;
    const slowChunks = chunkCosts.filter((cost) => cost > 2 * median).length;
    return { starts, ends, chunks: chunkCosts.length, slowChunks };
  };
  return {
    copy: of(times.copy),
    scale: of(times.scale),
    add: of(times.add),
    triad: of(times.triad),
    read: of(times.read),
  };
}

/** Nanoseconds of the clock that all threads of the machine share, exact to 2^53 ns: 104 days since boot. */
function nowNs(): number {
  return Number(process.hrtime.bigint());
}
