import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { digestFile } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { InputContract__Output } from '@qfleet/shared/gen/qfleet/v1/InputContract.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import { inputContractSchema } from '@qfleet/shared/inputs/input-contract.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import { parse } from 'yaml';
import * as z from 'zod';
import { agentVersion } from '../agent-version.ts';
import { resolveNodeCommand } from '../config/resolve-config.ts';
import { readEnvironment } from '../environment/read-environment.ts';
import { lockHost } from '../host/host-lock.ts';
import { readBootId } from '../inventory/read-boot-id.ts';
import { readInventory } from '../inventory/read-inventory.ts';
import { plainContract } from '../jobs/fetch-pool-source.ts';
import { JobFailure } from '../jobs/job-failure.ts';
import { type FinishedJob, type JobTools, runJob } from '../jobs/run-job.ts';
import { startRunner } from '../runner/start-runner.ts';
import { benchReadings } from './bench-readings.ts';
import { formatReadings } from './format-readings.ts';
import { interruptSignal } from './interrupt-signal.ts';
import { createProgressLine } from './report-progress.ts';

export interface BenchOptions {
  readonly inputContract?: string;
  readonly backend: string;
  readonly threads: number;
  readonly launches: number;
  readonly duration: number;
  readonly output: 'table' | 'json';
}

/** Fixed, so that two runs of `bench` feed the same inputs. */
const inputSeed = 1;

/** `qfleet-agent bench`: a measure job of one variant, by the same code as a coordinator's. */
export async function benchCommand(model: string, options: BenchOptions): Promise<void> {
  const path = resolve(model);
  const job = await makeJob(path, options);
  const workFolder = await mkdtemp(join(tmpdir(), 'qfleet-bench-'));
  try {
    const readings = await measure(job, path, workFolder);
    const text =
      options.output === 'json'
        ? JSON.stringify(
            { model: path, digest: job.measure?.variants[0]?.digest, backend: options.backend, readings },
            null,
            2,
          )
        : formatReadings(readings);
    process.stdout.write(`${text}\n`);
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

async function measure(job: Job__Output, path: string, workFolder: string): Promise<Reading[]> {
  using line = createProgressLine(process.stderr);
  const finished = await runJob(
    {
      job,
      workFolder,
      signal: interruptSignal(),
      onProgress: (step, fraction) => line.report(step, fraction),
    },
    await localTools(path),
  );
  const { outcome } = finished.result;
  if (outcome.kind === 'failed') throw new JobFailure(outcome.failure);
  if (outcome.kind !== 'measure')
    throw new QfleetError('internal', `Expected a measurement, got ${outcome.kind}.`);
  const isEmulated = (await readInventory()).emulated !== undefined;
  return benchReadings(outcome.facts, await readSamples(finished), {
    sizeBytes: (await stat(path)).size,
    isEmulated,
  });
}

async function makeJob(path: string, options: BenchOptions): Promise<Job__Output> {
  const { size } = await stat(path);
  const contract = options.inputContract ? await readContract(options.inputContract) : plainContract;
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
      scenario: 'single-stream',
      settings: { threads: options.threads, batch: 1, providerOptions: {}, affinity: [], dimensions: {} },
      inputs: { datasetDigest: '', contract, item: null, shards: [], count: 0, randomSeed: inputSeed },
      launchesPerVariant: options.launches,
      minSamples: 100,
      minDurationMs: options.duration,
      maxDurationMs: Math.max(60_000, options.duration),
      maxWarmupSamples: 200,
      seed: inputSeed,
      profile: false,
      load: null,
      counters: false,
      maxRepeats: 0,
      sustainedMs: 0,
    },
  };
}

async function localTools(path: string): Promise<JobTools> {
  return {
    agentVersion,
    bootId: await readBootId(),
    isEmulated: false,
    nodeCommand: resolveNodeCommand(process.env),
    acquireBlob: async () => ({ path, [Symbol.dispose]: () => undefined }),
    startRunner,
    lockHost: (options) =>
      lockHost({ ...options, bootId: process.env['QFLEET_AGENT_LOCK_NAME'] ?? options.bootId }),
    readEnvironment: () => readEnvironment(),
    runProbes: async () => {
      throw new QfleetError('internal', 'A bench has no probes.');
    },
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

async function readSamples({ result, blobs }: FinishedJob): Promise<Float64Array> {
  const digest = result.outcome.kind === 'measure' ? result.outcome.facts.samplesBlob : undefined;
  const file = blobs.find((blob) => blob.digest === digest);
  if (!file) throw new QfleetError('internal', 'The measurement has no samples.');
  const bytes = await readFile(file.path);
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
}
