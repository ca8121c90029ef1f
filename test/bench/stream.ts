import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { createRandom, shuffle } from '@qfleet/shared/random.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { lastLevelCache, readCaches } from '../../agent/src/inventory/read-caches.ts';
import { readMemory } from '../../agent/src/inventory/read-memory.ts';
import {
  type BandwidthKernel,
  bandwidthKernels,
  bytesPerElement,
  elementBytes,
} from '../../agent/src/probes/bandwidth-kernels.ts';
import { arrayForThreads, planProbe } from '../../agent/src/probes/plan-probe.ts';
import { runInChild } from '../../agent/src/probes/run-in-child.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import { compileC } from './compile-c.ts';
import type { Figure } from './figure.ts';
import { holdHost } from './hold-host.ts';
import { pairedRatio } from './paired-ratio.ts';

/** Three timed passes: launches are short, so that both sides of a pair meet the same neighbours on the machine. */
const iterations = 4;
/** Pairs of launches in a round, for each number of threads. */
const pairsPerRound = 4;
/** A launch takes half a second; one that takes so long has failed. */
const launchLimitMs = 60_000;

/** The bandwidth probe's kernels against the same loops compiled, at sizes that no cache holds. */
export const stream: Benchmark = {
  id: 'stream',
  title: 'memory bandwidth by WebAssembly against the same loops in C',
  run: measureStream,
};

async function measureStream(context: BenchContext): Promise<Figure[]> {
  const program = await compileC('stream', context.folder);
  if (!program.available) return describeAbsence(program.reason);
  const arrayBytes = arrayForThreads(await planArray(), availableParallelism());
  await using _lock = await holdHost(context);
  const pairs = await alternate({ path: program.path, arrayBytes }, context);
  const note = `three arrays of ${arrayBytes / 2 ** 20} MiB, ${iterations - 1} passes a launch; ${program.compiler}`;
  return threadCounts().flatMap((threads) =>
    bandwidthKernels.flatMap((kernel) => describe({ kernel, threads, arrayBytes, note }, pairs)),
  );
}

/** Nanoseconds of the timed passes of every kernel. */
type PassTimes = Readonly<Record<BandwidthKernel, readonly number[]>>;

/** Two launches, one after the other: the median pass of every kernel, nanoseconds. */
interface Pair {
  readonly threads: number;
  readonly wasm: Readonly<Record<BandwidthKernel, number>>;
  readonly c: Readonly<Record<BandwidthKernel, number>>;
}

function threadCounts(): number[] {
  return [...new Set([1, availableParallelism()])];
}

async function alternate(
  { path, arrayBytes }: { readonly path: string; readonly arrayBytes: number },
  context: BenchContext,
): Promise<Pair[]> {
  const random = createRandom(context.seed);
  const pairs: Pair[] = [];
  const launch = {
    wasm: (threads: number) => launchWasm(threads, arrayBytes, context),
    c: (threads: number) => launchC(path, threads, arrayBytes, context),
  };
  for (let round = 0; round < context.rounds; round++) {
    context.progress(`round ${round + 1} of ${context.rounds}`);
    const order = Array.from({ length: pairsPerRound }, threadCounts).flat();
    for (const threads of shuffle(order, random)) {
      const medians: Partial<Record<keyof typeof launch, Pair['c']>> = {};
      for (const side of shuffle<keyof typeof launch>(['wasm', 'c'], random)) {
        const passNs = await launch[side](threads);
        medians[side] = mapKernels((kernel) => median(passNs[kernel]));
      }
      pairs.push({ threads, wasm: medians.wasm!, c: medians.c! });
    }
  }
  return pairs;
}

/** Arrays as the probe makes them. */
async function planArray(): Promise<number> {
  const lastLevel = lastLevelCache(await readCaches('/', {}));
  const { availableBytes } = await readMemory('/');
  const instances = Math.ceil(availableParallelism() / (lastLevel?.sharedBy ?? availableParallelism()));
  return planProbe({
    lastLevelBytes: lastLevel?.sizeBytes,
    lastLevelTotalBytes: lastLevel && lastLevel.sizeBytes * instances,
    availableBytes,
    maxMemoryBytes: 0,
  }).arrayBytes;
}

async function launchC(
  path: string,
  threads: number,
  arrayBytes: number,
  { signal }: BenchContext,
): Promise<PassTimes> {
  const given = [threads, arrayBytes, iterations].map(String);
  const { stdout } = await promisify(execFile)(path, given, { timeout: launchLimitMs, signal });
  const rows = stdout.trim().split('\n');
  const byName = new Map(rows.map((row) => row.split(' ')).map(([name, ...ns]) => [name, ns.map(Number)]));
  return mapKernels((kernel) => byName.get(kernel)!);
}

async function launchWasm(threads: number, arrayBytes: number, { signal }: BenchContext): Promise<PassTimes> {
  const task = { kind: 'bandwidth' as const, threads, arrayBytes, iterations, budgetMs: launchLimitMs };
  const { kernels } = await runInChild(task, { limitMs: launchLimitMs, signal, onProgress: () => {} });
  return mapKernels((kernel) => kernels[kernel].passNs);
}

interface Subject {
  readonly kernel: BandwidthKernel;
  readonly threads: number;
  readonly arrayBytes: number;
  readonly note: string;
}

function describe({ kernel, threads, arrayBytes, note }: Subject, pairs: readonly Pair[]): Figure[] {
  const of = pairs.filter((pair) => pair.threads === threads);
  const [wasmNs, cNs] = [of.map(({ wasm }) => wasm[kernel]), of.map(({ c }) => c[kernel])];
  const name = `stream.${kernel}.${threads}-thread${threads === 1 ? '' : 's'}`;
  const passBytes = (arrayBytes / elementBytes) * bytesPerElement[kernel];
  const bandwidth = (side: string, passNs: readonly number[]): Figure => ({
    name: `${name}.${side}`,
    // Bytes per nanosecond are gigabytes per second.
    value: passBytes / median(passNs),
    unit: 'GB/s',
    n: passNs.length,
  });
  return [
    {
      name: `${name}.ratio`,
      unit: '1',
      // Bandwidth over bandwidth is C's time over WebAssembly's.
      ...pairedRatio(cNs, wasmNs),
      goal: { is: 'at least', limit: 0.95 },
      note: `bandwidth by WebAssembly over C's, launches paired; ${note}`,
    },
    bandwidth('wasm', wasmNs),
    bandwidth('c', cNs),
  ];
}

function mapKernels<T>(of: (kernel: BandwidthKernel) => T): Record<BandwidthKernel, T> {
  return Object.fromEntries(bandwidthKernels.map((kernel) => [kernel, of(kernel)])) as Record<
    BandwidthKernel,
    T
  >;
}

function describeAbsence(reason: string): Figure[] {
  return ['1-thread', 'all-threads'].flatMap((threads) =>
    bandwidthKernels.map((kernel) => ({
      name: `stream.${kernel}.${threads}.ratio`,
      unit: '1',
      unavailable: reason,
    })),
  );
}
