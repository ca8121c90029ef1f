import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import { judgeSeries } from '@qfleet/shared/launches/judge-series.ts';
import { readLaunches } from '@qfleet/shared/launches/read-launches.ts';
import { isScenario } from '@qfleet/shared/loadgen/scenarios.ts';
import { summaryText } from '@qfleet/shared/loadgen/summary-text.ts';
import type { MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import { agentVersion } from '../agent-version.ts';
import { resolveNodeCommand } from '../config/resolve-config.ts';
import { readEnvironment } from '../environment/read-environment.ts';
import { lockHost } from '../host/host-lock.ts';
import { readBootId } from '../inventory/read-boot-id.ts';
import { readInventory } from '../inventory/read-inventory.ts';
import { probeIsolation } from '../isolation/probe-isolation.ts';
import { JobFailure } from '../jobs/job-failure.ts';
import { type FinishedJob, type JobTools, runJob } from '../jobs/run-job.ts';
import { startRunner } from '../runner/start-runner.ts';
import { type BenchOptions, planBench } from './bench-job.ts';
import { type BenchResult, describeBench } from './bench-result.ts';
import { formatBench } from './format-bench.ts';
import { interruptSignal } from './interrupt-signal.ts';
import { createProgressLine } from './report-progress.ts';

/** `qfleet-agent bench`: a measure job of one variant, by the same code as a coordinator's. */
export async function benchCommand(model: string, options: BenchOptions): Promise<void> {
  const path = resolve(model);
  const job = await planBench(path, options);
  const workFolder = await mkdtemp(join(tmpdir(), 'qfleet-bench-'));
  try {
    const { facts, samples } = await measure(job, path, workFolder);
    const text = await formatResult(options, { job, path, facts, samples });
    process.stdout.write(`${text}\n`);
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

interface Measured {
  readonly job: Job__Output;
  readonly path: string;
  readonly facts: MeasureFacts;
  readonly samples: ReadonlyMap<string, Uint8Array>;
}

async function formatResult(options: BenchOptions, measured: Measured): Promise<string> {
  const { cpu, emulated } = await readInventory();
  const device = { emulatedBy: emulated?.by, processors: cpu.processors };
  if (options.output === 'mlperf') return formatMlperf(measured, device);
  const result: BenchResult = describeBench({
    ...measured,
    sizeBytes: (await stat(measured.path)).size,
    device,
  });
  if (options.output === 'table') return formatBench(result);
  const { path, job } = measured;
  const digest = job.measure?.variants[0]?.digest;
  return JSON.stringify({ model: path, digest, backend: options.backend, ...result }, null, 2);
}

function formatMlperf({ facts, job, samples }: Measured, device: Parameters<typeof judgeSeries>[1]): string {
  const { scenario, load, backend } = facts;
  const [variant] = job.measure?.variants ?? [];
  if (!load || !variant || !job.measure || !isScenario(scenario)) {
    throw new QfleetError('internal', 'The measurement does not say what its load was.');
  }
  if (device.emulatedBy !== undefined) {
    throw new QfleetError(
      'refused',
      `The processor is emulated by ${device.emulatedBy}: there are no latencies.`,
    );
  }
  const { chosen: series } = judgeSeries(facts, device, samples);
  const { launchesPerVariant, minSamples, minDurationMs } = job.measure;
  const { completed } = readLaunches(facts, { variantDigest: variant.digest, series }, samples);
  return summaryText({
    sutName: `qfleet ${agentVersion}, ${backend.id} ${backend.version}, ${variant.name}`,
    scenario,
    load,
    launches: completed,
    minQueries: minSamples * launchesPerVariant,
    minDurationMs: minDurationMs * launchesPerVariant,
  });
}

async function measure(
  job: Job__Output,
  path: string,
  workFolder: string,
): Promise<Omit<Measured, 'job' | 'path'>> {
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
  return { facts: outcome.facts, samples: await readSamples(outcome.facts, finished) };
}

async function localTools(path: string): Promise<JobTools> {
  const nodeCommand = resolveNodeCommand(process.env);
  const isOff = process.env['QFLEET_AGENT_ISOLATION'] === 'off';
  const isolation = await probeIsolation({ nodeCommand, denied: [], allowed: [], isOff });
  return {
    agentVersion,
    bootId: await readBootId(),
    isEmulated: (await readInventory()).emulated !== undefined,
    nodeCommand,
    acquireBlob: async () => ({
      path,
      assertUnchanged: async () => undefined,
      [Symbol.dispose]: () => undefined,
    }),
    startRunner: (options) => startRunner({ ...options, isolation }),
    lockHost: (options) =>
      lockHost({
        ...options,
        agent: 'qfleet-agent bench',
        bootId: process.env['QFLEET_AGENT_LOCK_NAME'] ?? options.bootId,
      }),
    readEnvironment: (options) => readEnvironment('/', options),
    runProbes: async () => {
      throw new QfleetError('internal', 'A bench has no probes.');
    },
  };
}

async function readSamples(
  { samplesBlob }: MeasureFacts,
  { blobs }: FinishedJob,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const file = blobs.find((blob) => blob.digest === samplesBlob);
  if (!file) throw new QfleetError('internal', 'The measurement has no samples.');
  return new Map([[file.digest, await readFile(file.path)]]);
}
