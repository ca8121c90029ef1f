import { QfleetError } from '@qfleet/shared/errors.ts';
import type { CacheInfo } from '@qfleet/shared/inventory/inventory.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import type { Environment, ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import { readEnvironment } from '../environment/read-environment.ts';
import type { Cpuinfo } from '../inventory/parse-cpuinfo.ts';
import { readBoard } from '../inventory/read-board.ts';
import { lastLevelCache, readCaches } from '../inventory/read-caches.ts';
import { readCpuinfo } from '../inventory/read-inventory.ts';
import { readMemory } from '../inventory/read-memory.ts';
import { missingReportedCacheReadings, reportedCacheReadings } from './cache-readings.ts';
import { environmentReadings, missingEnvironmentReadings } from './environment-readings.ts';
import { linkReadings, missingLinkReadings, type TransferRates } from './link-readings.ts';
import { type ProbeSizes, planProbe } from './plan-probe.ts';
import { planSteps } from './plan-steps.ts';
import type { ProbeStep, StepFacts } from './probe-step.ts';

export interface ProbeOptions {
  /** Memory that a probe may use; 0: a quarter of what is available, which is the limit in any case. */
  readonly maxMemoryBytes: number;
  /** Where the processor is emulated nothing is timed. */
  readonly emulated: boolean;
  /** A folder of the disk that the agent works on, for the speed of storage. */
  readonly storageFolder: string;
  /** What the agent transferred of late; undefined without a coordinator. */
  readonly transfers: TransferRates | undefined;
  /** What is being done, and how far the whole is, 0…1. */
  onProgress(step: string, fraction: number): void;
  readonly signal: AbortSignal;
}

/**
 * Measures the device itself: clock, memory bandwidth with one thread and with all, the latency ladder and from it the
 * caches that a program gets beside those reported, peak compute, storage, counters, and what it was like meanwhile.
 * About 25 s on a server, some two minutes on a Raspberry Pi 3; every measurement in a child process of its own with
 * a time limit. A measurement that fails leaves its readings unavailable with the reason and does not keep the others
 * from being made. Throws `cancelled` on the signal.
 */
export async function runProbes(options: ProbeOptions): Promise<ProbeFacts> {
  const cpu = await readCpuinfo('/');
  const caches = await readOwnCaches(cpu);
  const sizes = await planSizes(caches, cpu, options.maxMemoryBytes);
  const steps = planSteps({ sizes, caches, cpu, storageFolder: options.storageFolder });
  if (options.emulated) return emulatedFacts(steps);
  const environments: Environment[] = [await readEnvironment()];
  const found: StepFacts[] = [];
  for (const [i, step] of steps.entries()) {
    found.push(await runStep(step, { ...options, onProgress: progressOf(steps, i, options) }));
    environments.push(await readEnvironment());
  }
  options.onProgress('done', 1);
  const readings = found.flatMap((facts) => facts.readings);
  return {
    readings: [
      ...readings,
      ...reportedCacheReadings(caches),
      ...linkReadings(options.transfers),
      ...environmentReadings(environments, cpu.processors),
    ],
    latencyLadder: found.flatMap((facts) => facts.latencyLadder ?? []),
  };
}

async function readOwnCaches(cpu: Cpuinfo): Promise<CacheInfo[]> {
  const { soc } = await readBoard('/', cpu);
  return readCaches('/', { soc, core: cpu.core });
}

async function planSizes(
  caches: readonly CacheInfo[],
  { processors }: Cpuinfo,
  maxMemoryBytes: number,
): Promise<ProbeSizes> {
  const { availableBytes } = await readMemory('/');
  const lastLevel = lastLevelCache(caches);
  const instances = Math.ceil(processors / (lastLevel?.sharedBy ?? processors));
  return planProbe({
    lastLevelBytes: lastLevel?.sizeBytes,
    lastLevelTotalBytes: lastLevel && lastLevel.sizeBytes * instances,
    // The second knows the limit of a container, which /proc/meminfo does not.
    availableBytes: Math.min(availableBytes, process.availableMemory()),
    maxMemoryBytes,
  });
}

/** A cancelled probe has no facts; any other failure is the reason of missing readings. */
async function runStep(step: ProbeStep, context: Parameters<ProbeStep['run']>[0]): Promise<StepFacts> {
  const { onProgress, signal } = context;
  try {
    return await step.run({ onProgress, signal });
  } catch (thrown) {
    const error = QfleetError.from(thrown);
    if (error.code === 'cancelled') throw error;
    return { readings: await step.missing(`${error.code}: ${error.message}`) };
  }
}

/** Progress of one step as progress of the whole. */
function progressOf(
  steps: readonly ProbeStep[],
  index: number,
  { onProgress }: ProbeOptions,
): (fraction: number) => void {
  const weigh = (some: readonly ProbeStep[]): number => some.reduce((sum, { weight }) => sum + weight, 0);
  const { label, weight } = steps[index]!;
  const [before, whole] = [weigh(steps.slice(0, index)), weigh(steps)];
  const report = (fraction: number): void => onProgress(label, (before + weight * fraction) / whole);
  report(0);
  return report;
}

/** An emulator's times are its own. What the emulated board reports of its caches is in its inventory. */
async function emulatedFacts(steps: readonly ProbeStep[]): Promise<ProbeFacts> {
  const reason = 'emulated';
  const readings: Reading[] = [];
  for (const step of steps) readings.push(...(await step.missing(reason)));
  return {
    readings: [
      ...readings,
      ...missingReportedCacheReadings(reason),
      ...missingLinkReadings(reason),
      ...missingEnvironmentReadings(reason),
    ],
    latencyLadder: [],
  };
}
