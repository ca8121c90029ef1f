import { availableParallelism } from 'node:os';
import type { CacheInfo } from '@qfleet/shared/inventory/inventory.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import { type CounterProbe, counterReadings } from '../counters/counter-readings.ts';
import { actualFrequencyReading } from './actual-frequency-reading.ts';
import { bandwidthReadings, missingBandwidthReadings, type ThreadScope } from './bandwidth-readings.ts';
import { effectiveCacheReadings } from './cache-readings.ts';
import { computeReading, missingComputeReading } from './compute-readings.ts';
import type { WorkloadId } from './compute-workloads.ts';
import { type FrequencyResult, frequencyReadings } from './frequency-readings.ts';
import { latencyReadings, missingLatencyReadings } from './latency-readings.ts';
import { arrayForThreads, type ProbeSizes } from './plan-probe.ts';
import { missingPowerReadings, powerReadings } from './power-readings.ts';
import type { ProbeStep, StepContext } from './probe-step.ts';
import type { FrequencyTask } from './probe-task.ts';
import { missingProcessReadings, processReadings } from './process-readings.ts';
import { runInChild } from './run-in-child.ts';
import { missingStorageReadings, storageReadings } from './storage-readings.ts';

/** What the steps are made for. */
export interface StepPlan {
  readonly sizes: ProbeSizes;
  readonly caches: readonly CacheInfo[];
  readonly cpu: CounterProbe['cpu'];
  /** A folder of the disk that the agent works on. */
  readonly storageFolder: string;
}

/**
 * The measurements of a probe, in order: the clock first and last, so that what lies between is known to have had it.
 * The weights add up to a Raspberry Pi 3's minute and a half; the limits bound the worst case.
 */
export function planSteps(plan: StepPlan): ProbeStep[] {
  const [before, after] = frequencySteps();
  return [
    before,
    bandwidthStep('1', plan),
    bandwidthStep('all', plan),
    latencyStep(plan),
    computeStep('fp32', '1', plan),
    computeStep('fp32', 'all', plan),
    computeStep('int8', '1', plan),
    computeStep('int8', 'all', plan),
    computeStep('int8.conv', 'all', plan),
    storageStep(plan),
    counterStep(plan),
    powerStep(),
    processStep(),
    after,
  ];
}

/** STREAM's NTIMES. */
const iterations = 10;
const repetitions = 7;
/** Thousands of loads even from DRAM, and short enough that some repetition meets no disturbance. */
const repetitionNs = 5e6;
/** Any fixed number: equal machines get equal chases. */
const cycleSeed = 1;
/** A bandwidth probe stops after this time with the iterations that it has. */
const bandwidthBudgetMs = 9000;
const computeBudgetMs = 1500;
/** A measurement that takes longer is broken, not slow. */
const childLimitMs = 60_000;
/** ONNX Runtime loads in seconds on a slow card, and six runs are waited for. */
const computeLimitMs = 30_000;
const shortLimitMs = 20_000;

function bandwidthStep(scope: ThreadScope, { sizes }: StepPlan): ProbeStep {
  const threads = threadsOf(scope);
  const arrayBytes = arrayForThreads(sizes.arrayBytes, threads);
  return {
    label: `memory bandwidth, ${describeThreads(threads)}`,
    weight: 12,
    run: async (context) => {
      const task = {
        kind: 'bandwidth',
        threads,
        arrayBytes,
        iterations,
        budgetMs: bandwidthBudgetMs,
      } as const;
      const outcome = await runInChild(task, { ...context, limitMs: childLimitMs });
      const setup = { scope, arrayBytes, iterations, flags: sizes.arrayFlags };
      return { readings: bandwidthReadings(outcome, setup) };
    },
    missing: (reason) => missingBandwidthReadings(scope, reason),
  };
}

function latencyStep({ sizes, caches }: StepPlan): ProbeStep {
  const { workingSets, ladderFlags: flags } = sizes;
  return {
    label: 'memory latency by working set',
    weight: 20,
    run: async (context) => {
      const task = { kind: 'latency', workingSets, repetitions, repetitionNs, seed: cycleSeed } as const;
      const { ladder } = await runInChild(task, { ...context, limitMs: childLimitMs });
      return {
        readings: [
          ...latencyReadings(ladder, { repetitions, flags }),
          ...effectiveCacheReadings(ladder, caches),
        ],
        latencyLadder: [...ladder],
      };
    },
    missing: missingLatencyReadings,
  };
}

function computeStep(workload: WorkloadId, scope: ThreadScope, { sizes }: StepPlan): ProbeStep {
  const threads = threadsOf(scope);
  const { computeSize: size, computeFlags: flags } = sizes;
  return {
    label: `peak compute, ${workload.replace('.', ' ')}, ${describeThreads(threads)}`,
    weight: 6,
    run: async (context) => {
      const task = { kind: 'compute', workload, size, threads, budgetMs: computeBudgetMs } as const;
      const outcome = await runInChild(task, { ...context, limitMs: computeLimitMs });
      return { readings: [computeReading(outcome, { workload, scope, flags })] };
    },
    missing: (reason) => [missingComputeReading(workload, scope, reason)],
  };
}

const MiB = 1024 * 1024;
const storageTask = {
  kind: 'storage',
  pieceBytes: 4 * MiB,
  pieces: 16,
  syncs: 50,
  writeBudgetMs: 3000,
  readBudgetMs: 1000,
  syncBudgetMs: 1000,
} as const;

function storageStep({ storageFolder: folder }: StepPlan): ProbeStep {
  return {
    label: 'storage',
    weight: 6,
    run: async (context) => {
      const task = { ...storageTask, folder };
      return {
        readings: storageReadings(await runInChild(task, { ...context, limitMs: shortLimitMs })),
      };
    },
    missing: missingStorageReadings,
  };
}

/** How often an event was counted, or why not; the actual clock is cycles over time. */
function counterStep({ sizes, cpu }: StepPlan): ProbeStep {
  const probe = { cpu, root: '/', arrayBytes: arrayForThreads(sizes.arrayBytes, 1) };
  const read = async (context: StepContext, emulated: boolean): Promise<Reading[]> => {
    const readings = await counterReadings({ ...probe, ...context, emulated });
    return [...readings, actualFrequencyReading(readings)];
  };
  return {
    label: 'performance counters',
    weight: 5,
    run: async (context) => ({ readings: await read(context, false) }),
    // A failure is told in its readings; without a measurement the processor is an emulator's.
    missing: () => read({ onProgress: () => undefined, signal: new AbortController().signal }, true),
  };
}

function powerStep(): ProbeStep {
  return {
    label: 'power at rest',
    weight: 1,
    run: async () => ({ readings: await powerReadings() }),
    missing: missingPowerReadings,
  };
}

function processStep(): ProbeStep {
  return {
    label: 'what a process is told of itself',
    weight: 1,
    run: async (context) => ({
      readings: processReadings(await runInChild({ kind: 'process' }, { ...context, limitMs: shortLimitMs })),
    }),
    missing: missingProcessReadings,
  };
}

/** The first only keeps what it measured; the second makes the readings of both. */
function frequencySteps(): readonly [ProbeStep, ProbeStep] {
  let before: FrequencyResult = { reason: 'not-measured' };
  const measure: ProbeStep['run'] = async (context) => {
    const after = await runInChild(frequencyTask, { ...context, limitMs: shortLimitMs });
    return { readings: frequencyReadings(before, after) };
  };
  const step = { label: 'clock frequency', weight: 2 };
  return [
    {
      ...step,
      run: async (context) => {
        before = await runInChild(frequencyTask, { ...context, limitMs: shortLimitMs });
        return { readings: [] };
      },
      missing: (reason) => {
        before = { reason };
        return [];
      },
    },
    { ...step, run: measure, missing: (reason) => frequencyReadings(before, { reason }) },
  ];
}

/** About 1.5 ms a repetition at 3 GHz, 3.5 on a Raspberry Pi 3. */
const frequencyTask: FrequencyTask = { kind: 'frequency', rounds: 2 ** 16, repetitions: 50, warmupMs: 300 };

function threadsOf(scope: ThreadScope): number {
  return scope === '1' ? 1 : availableParallelism();
}

function describeThreads(threads: number): string {
  return `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}
