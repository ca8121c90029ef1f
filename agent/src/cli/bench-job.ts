import { readFile, stat } from 'node:fs/promises';
import { digestFile } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { InputContract__Output } from '@qfleet/shared/gen/qfleet/v1/InputContract.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import type { Load__Output } from '@qfleet/shared/gen/qfleet/v1/Load.ts';
import { inputContractSchema } from '@qfleet/shared/inputs/input-contract.ts';
import { type ProfileName, profiles, shareOfLaunch } from '@qfleet/shared/loadgen/profiles.ts';
import type { Scenario } from '@qfleet/shared/loadgen/scenarios.ts';
import { parse } from 'yaml';
import * as z from 'zod';
import { plainContract } from '../jobs/fetch-pool-source.ts';

export interface BenchOptions {
  readonly contract?: string;
  /** The earlier name of `contract`. */
  readonly inputContract?: string;
  readonly backend: string;
  readonly threads: number;
  readonly batch: number;
  /** Sizes of open dimensions, by name or by place. */
  readonly dimensions: Readonly<Record<string, number>>;
  readonly scenario: Scenario;
  readonly profile: ProfileName;
  readonly launches: number;
  /** Of one launch, milliseconds; undefined: the profile's. */
  readonly duration?: number;
  readonly samplesPerQuery: number;
  /** Milliseconds. */
  readonly bound: number;
  /** Percent; undefined: the profile's. */
  readonly percentile?: number;
  /** Queries a second; 0: searched. */
  readonly rate: number;
  readonly fps: number;
  readonly repeats: number;
  readonly counters: boolean;
  /** Minutes. */
  readonly sustained: number;
  readonly output: 'table' | 'json' | 'mlperf';
}

/** Fixed, so that two runs of `bench` feed the same inputs. */
const inputSeed = 1;
const minuteMs = 60_000;

/** The job that a coordinator would send for this. Throws where a file cannot be read or is no input contract. */
export async function planBench(path: string, options: BenchOptions): Promise<Job__Output> {
  const { size } = await stat(path);
  const file = options.contract ?? options.inputContract;
  const contract = file ? await readContract(file) : plainContract;
  const share = shareOfLaunch(options.profile, options.launches);
  const minDurationMs = options.duration ?? share.minDurationMs;
  return {
    id: 'bench',
    runId: 'bench',
    fence: 1,
    attempt: 1,
    timeLimitMs: 0,
    spec: 'measure',
    measure: {
      backend: options.backend,
      variants: [{ digest: await digestFile(path), name: path.split('/').at(-1) ?? path, sizeBytes: size }],
      scenario: options.scenario,
      settings: {
        threads: options.threads,
        batch: options.batch,
        providerOptions: {},
        affinity: [],
        dimensions: { ...options.dimensions },
      },
      inputs: { datasetDigest: '', contract, item: null, shards: [], count: 0, randomSeed: inputSeed },
      launchesPerVariant: options.launches,
      minSamples: share.minSamples,
      minDurationMs,
      maxDurationMs: Math.max(share.maxDurationMs, minDurationMs),
      maxWarmupSamples: 200,
      seed: inputSeed,
      profile: false,
      load: planLoad(options),
      counters: options.counters,
      maxRepeats: options.repeats,
      sustainedMs: Math.round(options.sustained * minuteMs),
      inferenceLimitMs: 0,
    },
  };
}

function planLoad(options: BenchOptions): Load__Output {
  const { scenario } = options;
  const percentile =
    options.percentile === undefined ? profiles[options.profile].serverPercentile : options.percentile / 100;
  return {
    samplesPerQuery: scenario === 'multi-stream' ? options.samplesPerQuery : 1,
    targetRatePerSec: scenario === 'server' ? options.rate : 0,
    latencyBoundNs: scenario === 'server' ? Math.round(options.bound * 1e6) : 0,
    percentile: scenario === 'server' ? percentile : 0,
    frameRatePerSec: scenario === 'fixed-rate' ? options.fps : 0,
    scheduleSeed: inputSeed,
    backgroundProcesses: 0,
    companions: [],
  };
}

/** A misspelt field would silently leave the default. */
const contractSchema = z.strictObject(inputContractSchema.shape);

async function readContract(path: string): Promise<InputContract__Output> {
  const parsed = contractSchema.safeParse(parse(await readFile(path, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new QfleetError('usage', `${path} is no input contract: ${z.prettifyError(parsed.error)}`, {
    hint: `It takes ${Object.keys(contractSchema.shape).join(', ')}.`,
  });
}
