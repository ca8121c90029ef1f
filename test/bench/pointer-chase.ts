import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createRandom, shuffle } from '@qfleet/shared/random.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { dataCache, readCaches } from '../../agent/src/inventory/read-caches.ts';
import { runInChild } from '../../agent/src/probes/run-in-child.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import { compileC } from './compile-c.ts';
import type { Figure } from './figure.ts';
import { holdHost } from './hold-host.ts';
import { pairedRatio } from './paired-ratio.ts';

/** As the probe has them. */
const repetitions = 7;
const repetitionNs = 5e6;
const launchLimitMs = 60_000;
const smallestBytes = 4096;
/** Where no L2 is reported: what every board has at least. */
const usualL2Bytes = 512 * 1024;
/** Past every cache here, for the comparison beyond L2, which has no goal. */
const dramBytes = 64 * 1024 * 1024;

/** The latency ladder's chase against the same chase in C. */
export const pointerChase: Benchmark = {
  id: 'pointer-chase',
  title: 'latency of dependent loads by WebAssembly against the same chase in C',
  run: measureChase,
};

async function measureChase(context: BenchContext): Promise<Figure[]> {
  const program = await compileC('chase', context.folder);
  if (!program.available) return [{ name: 'pointer-chase.ratio', unit: '1', unavailable: program.reason }];
  const l2Bytes = dataCache(await readCaches('/', {}), 2)?.sizeBytes ?? usualL2Bytes;
  const workingSets = [...powersOfTwo(l2Bytes), dramBytes];
  await using _lock = await holdHost(context);
  const ladders = await alternate(program.path, workingSets, context);
  return workingSets.flatMap((bytes, rung) => {
    const wasm = ladders.wasm.map((ladder) => ladder[rung]!);
    const c = ladders.c.map((ladder) => ladder[rung]!);
    const size = bytes < 2 ** 20 ? `${bytes / 1024}KiB` : `${bytes / 2 ** 20}MiB`;
    const sides = `WebAssembly ${median(wasm).toPrecision(4)} ns, C ${median(c).toPrecision(4)} ns a load`;
    return {
      name: `pointer-chase.${size}.ratio`,
      unit: '1',
      ...pairedRatio(wasm, c),
      ...(bytes <= l2Bytes ? { goal: { is: 'between' as const, low: 0.95, high: 1.05 } } : {}),
      note: sides,
    };
  });
}

/** Nanoseconds of a load per launch and working set. */
type Ladders = Readonly<Record<'wasm' | 'c', number[][]>>;

async function alternate(
  path: string,
  workingSets: readonly number[],
  { rounds, seed, progress, signal }: BenchContext,
): Promise<Ladders> {
  const random = createRandom(seed);
  const ladders: Ladders = { wasm: [], c: [] };
  const launch = {
    wasm: () => launchWasm(workingSets, seed, signal),
    c: () => launchC(path, workingSets, signal),
  };
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    for (const side of shuffle<keyof Ladders>(['wasm', 'c'], random))
      ladders[side].push(await launch[side]());
  }
  return ladders;
}

async function launchWasm(
  workingSets: readonly number[],
  seed: number,
  signal: AbortSignal,
): Promise<number[]> {
  const task = { kind: 'latency' as const, workingSets, repetitions, repetitionNs, seed };
  const { ladder } = await runInChild(task, { limitMs: launchLimitMs, signal, onProgress: () => {} });
  return ladder.map(({ loadNs }) => loadNs);
}

async function launchC(path: string, workingSets: readonly number[], signal: AbortSignal): Promise<number[]> {
  const given = [repetitions, repetitionNs, ...workingSets].map(String);
  const { stdout } = await promisify(execFile)(path, given, { timeout: launchLimitMs, signal });
  return stdout
    .trim()
    .split('\n')
    .map((row) => Number(row.split(' ')[1]));
}

function powersOfTwo(largest: number): number[] {
  const sizes: number[] = [];
  for (let size = smallestBytes; size <= largest; size *= 2) sizes.push(size);
  return sizes;
}
