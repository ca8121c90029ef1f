import { availableParallelism } from 'node:os';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { CacheInfo } from '@qfleet/shared/inventory/inventory.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import type { ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import { readEnvironment } from '../environment/read-environment.ts';
import { readBoard } from '../inventory/read-board.ts';
import { lastLevelCache, readCaches } from '../inventory/read-caches.ts';
import { readCpuinfo } from '../inventory/read-inventory.ts';
import { readMemory } from '../inventory/read-memory.ts';
import { bandwidthReadings, missingBandwidthReadings, type ThreadScope } from './bandwidth-readings.ts';
import {
  effectiveCacheReadings,
  missingReportedCacheReadings,
  reportedCacheReadings,
} from './cache-readings.ts';
import { environmentReadings, missingEnvironmentReadings } from './environment-readings.ts';
import { latencyReadings, missingLatencyReadings } from './latency-readings.ts';
import { arrayForThreads, type ProbeSizes, planProbe } from './plan-probe.ts';
import type { Rung } from './probe-task.ts';
import { runInChild } from './run-in-child.ts';

export interface ProbeOptions {
  /** Memory that a probe may use; 0: a quarter of what is available, which is the limit in any case. */
  readonly maxMemoryBytes: number;
  /** Where the processor is emulated nothing is timed. */
  readonly emulated: boolean;
  /** What is being done, and how far the whole is, 0…1. */
  onProgress(step: string, fraction: number): void;
  readonly signal: AbortSignal;
}

/**
 * Measures the device itself: memory bandwidth with one thread and with all, the latency ladder, and from it the
 * caches that a program gets, beside those reported. About 8 s on a server, under a minute on a Raspberry Pi 3;
 * every measurement in a child process of its own with a time limit. A measurement that fails leaves its readings
 * unavailable with the reason and does not keep the others from being made. Throws `cancelled` on the signal.
 */
export async function runProbes(options: ProbeOptions): Promise<ProbeFacts> {
  if (options.emulated) return emulatedFacts();
  const caches = await readOwnCaches();
  const sizes = await planSizes(caches, options.maxMemoryBytes);
  const environments = [await readEnvironment()];
  const readings: Reading[] = [];
  for (const scope of ['1', 'all'] as const) {
    readings.push(...(await probeBandwidth(scope, sizes, options)));
    environments.push(await readEnvironment());
  }
  const latency = await probeLatency(sizes, caches, options);
  environments.push(await readEnvironment());
  options.onProgress('done', 1);
  return {
    readings: [
      ...readings,
      ...latency.readings,
      ...reportedCacheReadings(caches),
      ...environmentReadings(environments),
    ],
    latencyLadder: latency.ladder,
  };
}

/** STREAM's NTIMES. */
const iterations = 10;
const repetitions = 7;
/** Thousands of loads even from DRAM, and short enough that some repetition meets no disturbance. */
const repetitionNs = 5e6;
/** Any fixed number: equal machines get equal chases. */
const cycleSeed = 1;
/** A bandwidth probe stops after this time with the iterations that it has. */
const bandwidthBudgetMs = 12_000;
/** A measurement that takes longer is broken, not slow. */
const childLimitMs = 60_000;

/** Where the three measurements lie in the whole, by the time that they take. */
const shares = {
  '1': { from: 0, to: 0.3 },
  all: { from: 0.3, to: 0.55 },
  latency: { from: 0.55, to: 1 },
} as const;

async function readOwnCaches(): Promise<CacheInfo[]> {
  const cpuinfo = await readCpuinfo('/');
  const { soc } = await readBoard('/', cpuinfo);
  return readCaches('/', { soc, core: cpuinfo.core });
}

async function planSizes(caches: readonly CacheInfo[], maxMemoryBytes: number): Promise<ProbeSizes> {
  const { availableBytes } = await readMemory('/');
  const lastLevel = lastLevelCache(caches);
  const { processors } = await readCpuinfo('/');
  const instances = Math.ceil(processors / (lastLevel?.sharedBy ?? processors));
  return planProbe({
    lastLevelBytes: lastLevel?.sizeBytes,
    lastLevelTotalBytes: lastLevel && lastLevel.sizeBytes * instances,
    // The second knows the limit of a container, which /proc/meminfo does not.
    availableBytes: Math.min(availableBytes, process.availableMemory()),
    maxMemoryBytes,
  });
}

async function probeBandwidth(
  scope: ThreadScope,
  sizes: ProbeSizes,
  options: ProbeOptions,
): Promise<Reading[]> {
  const threads = scope === '1' ? 1 : availableParallelism();
  const arrayBytes = arrayForThreads(sizes.arrayBytes, threads);
  const step = `memory bandwidth, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  try {
    const outcome = await runInChild(
      { kind: 'bandwidth', threads, arrayBytes, iterations, budgetMs: bandwidthBudgetMs },
      { limitMs: childLimitMs, signal: options.signal, onProgress: within(scope, step, options) },
    );
    return bandwidthReadings(outcome, { scope, arrayBytes, iterations, flags: sizes.arrayFlags });
  } catch (thrown) {
    return missingBandwidthReadings(scope, failureReason(thrown));
  }
}

async function probeLatency(
  sizes: ProbeSizes,
  caches: readonly CacheInfo[],
  options: ProbeOptions,
): Promise<{ readings: Reading[]; ladder: Rung[] }> {
  const { workingSets, ladderFlags: flags } = sizes;
  const onProgress = within('latency', 'memory latency by working set', options);
  try {
    const { ladder } = await runInChild(
      { kind: 'latency', workingSets, repetitions, repetitionNs, seed: cycleSeed },
      { limitMs: childLimitMs, signal: options.signal, onProgress },
    );
    const readings = [
      ...latencyReadings(ladder, { repetitions, flags }),
      ...effectiveCacheReadings(ladder, caches),
    ];
    return { readings, ladder: [...ladder] };
  } catch (thrown) {
    return { readings: missingLatencyReadings(failureReason(thrown)), ladder: [] };
  }
}

/** Progress of one measurement as progress of the whole. */
function within(part: keyof typeof shares, step: string, options: ProbeOptions): (fraction: number) => void {
  const { from, to } = shares[part];
  options.onProgress(step, from);
  return (fraction) => options.onProgress(step, from + (to - from) * fraction);
}

/** A cancelled probe has no facts; any other failure is the reason of a missing reading. */
function failureReason(thrown: unknown): string {
  const error = QfleetError.from(thrown);
  if (error.code === 'cancelled') throw error;
  return `${error.code}: ${error.message}`;
}

/** An emulator's times are its own. What the emulated board reports of its caches is in its inventory. */
function emulatedFacts(): ProbeFacts {
  const reason = 'emulated';
  const readings = [
    ...missingBandwidthReadings('1', reason),
    ...missingBandwidthReadings('all', reason),
    ...missingLatencyReadings(reason),
    ...missingReportedCacheReadings(reason),
    ...missingEnvironmentReadings(reason),
  ];
  return { readings, latencyLadder: [] };
}
