import { join } from 'node:path';
import { type Digest, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { MeasureJob__Output } from '@qfleet/shared/gen/qfleet/v1/MeasureJob.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import type { Launch, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import type { LaunchMeasurement, PoolSource, VariantRequest } from '../runner/protocol.ts';
import { fetchPoolSource } from './fetch-pool-source.ts';
import type { JobContext } from './job-context.ts';
import { JobFailure, toFailure } from './job-failure.ts';
import { orderLaunches } from './order-launches.ts';
import { SampleLog } from './sample-log.ts';
import { settingsFacts } from './settings-facts.ts';

/** Inferences in a profile launch. */
const profiledInferences = 3;
/** Loading and the first inference of a large model on a slow, emulated board take minutes. */
const loadLimitMs = 300_000;
/** The share of the job's progress that launches make up; the rest is fetching before and profiles after. */
const launchShare = { from: 0.1, to: 0.9 };

interface MeasuredVariant {
  readonly digest: Digest;
  readonly name: string;
  readonly path: string;
  crashes: number;
  /** Set where launching it again would show nothing new. */
  isGivenUp: boolean;
}

interface Measurement {
  readonly job: MeasureJob__Output;
  readonly settings: MeasureFacts['settings'];
  readonly inputs: PoolSource;
  readonly context: JobContext;
  readonly samples: SampleLog;
  readonly launches: Launch[];
  answered: LaunchMeasurement | undefined;
}

/**
 * Times a job's variants in fresh runners, one variant each, in rounds of random order under the host's lock; then
 * profiles each once. A variant that cannot be launched does not stop the others; throws a `JobFailure` where none
 * could be timed.
 */
export async function runMeasureJob(job: MeasureJob__Output, context: JobContext): Promise<MeasureFacts> {
  if (job.scenario !== 'single-stream') {
    throw new QfleetError(
      'unsupported',
      `This agent knows the scenario single-stream, got "${job.scenario}".`,
      {
        hint: 'Update the agent.',
      },
    );
  }
  using pins = new DisposableStack();
  const settings = settingsFacts(job.settings);
  context.onProgress('fetching variants', 0);
  const variants = await fetchVariants(job, context, pins);
  const inputs = await fetchPoolSource(job.inputs, settings.batch, { context, pins });
  const measurement: Measurement = {
    job,
    settings,
    inputs,
    context,
    samples: new SampleLog(),
    launches: [],
    answered: undefined,
  };
  await using _lock = await context.lockHost();
  await launchAll(measurement, variants);
  const profiles = job.profile ? await profileAll(measurement, variants) : [];
  return summariseJob(measurement, profiles);
}

async function fetchVariants(
  job: MeasureJob__Output,
  context: JobContext,
  pins: DisposableStack,
): Promise<MeasuredVariant[]> {
  if (job.variants.length === 0) throw new QfleetError('invalid-argument', 'The job has no variants.');
  const fetched: MeasuredVariant[] = [];
  for (const [index, variant] of job.variants.entries()) {
    context.onProgress(`fetching ${variant.name}`, (launchShare.from * index) / job.variants.length);
    const { path } = pins.use(await context.fetchBlob(variant));
    const digest = parseDigest(variant.digest);
    fetched.push({ digest, name: variant.name, path, crashes: 0, isGivenUp: false });
  }
  return fetched;
}

async function launchAll(measurement: Measurement, variants: readonly MeasuredVariant[]): Promise<void> {
  const { job, context } = measurement;
  const order = orderLaunches(variants.length, job.launchesPerVariant, createRandom(job.seed));
  for (const [position, index] of order.entries()) {
    const variant = variants[index]!;
    if (variant.isGivenUp) continue;
    const done = position / order.length;
    context.onProgress(
      `timing ${variant.name}, launch ${position + 1} of ${order.length}`,
      launchShare.from + done * (launchShare.to - launchShare.from),
    );
    const launch = await launchOnce(measurement, variant);
    // Emulators and tired boards crash now and then: one more try tells that from a variant that always does.
    if (launch.failure?.class === 'crashed' && !variant.isGivenUp) await launchOnce(measurement, variant);
  }
}

async function launchOnce(measurement: Measurement, variant: MeasuredVariant): Promise<Launch> {
  const { context, launches } = measurement;
  const environmentBefore = await context.readEnvironment();
  const base = {
    variantDigest: variant.digest,
    order: launches.length,
    startedAtUnixMs: Date.now(),
    environmentBefore,
  };
  let launch: Launch;
  try {
    launch = { ...base, ...(await measureInRunner(measurement, variant)) };
  } catch (thrown) {
    context.signal.throwIfAborted();
    const failure = toFailure(thrown);
    if (failure.class === 'crashed') variant.crashes++;
    variant.isGivenUp = failure.class !== 'crashed' || variant.crashes > 1;
    launch = { ...base, failure };
  }
  launch.environmentAfter = await context.readEnvironment();
  launches.push(launch);
  return launch;
}

async function measureInRunner(measurement: Measurement, variant: MeasuredVariant): Promise<Partial<Launch>> {
  const { job, settings, inputs, context, samples } = measurement;
  await using runner = await context.startRunner(settings.affinity);
  const cpuBefore = process.cpuUsage();
  const measured = await runner.request(
    {
      ...variantRequest(job, settings, variant),
      kind: 'measure',
      inputs,
      minSamples: job.minSamples,
      minDurationMs: job.minDurationMs,
      maxDurationMs: job.maxDurationMs,
      maxWarmupSamples: job.maxWarmupSamples,
    },
    { limitMs: loadLimitMs + 2 * (20_000 + Math.max(job.maxDurationMs, job.minDurationMs)) },
  );
  const agentCpu = process.cpuUsage(cpuBefore);
  measurement.answered = measured;
  const { warmupNs, timedNs, backendVersion: _version, threads: _threads, ...facts } = measured;
  return {
    ...facts,
    spawnNs: runner.spawnNs,
    sampleOffset: samples.add(warmupNs, timedNs),
    warmupCount: warmupNs.length,
    timedCount: timedNs.length,
    agentCpuTimeNs: (agentCpu.user + agentCpu.system) * 1000,
  };
}

async function profileAll(
  measurement: Measurement,
  variants: readonly MeasuredVariant[],
): Promise<MeasureFacts['profiles']> {
  const { context } = measurement;
  const profiles: MeasureFacts['profiles'] = [];
  for (const [index, variant] of variants.entries()) {
    if (variant.isGivenUp) continue;
    const done = index / variants.length;
    context.onProgress(`profiling ${variant.name}`, launchShare.to + done * (1 - launchShare.to));
    try {
      const blob = await profileInRunner(measurement, variant, index);
      if (blob) profiles.push({ variantDigest: variant.digest, blob, inferences: profiledInferences });
    } catch (thrown) {
      // A profile is an extra: the timings stand without it.
      context.signal.throwIfAborted();
      context.onProgress(`no profile of ${variant.name}: ${toFailure(thrown).message}`, launchShare.to);
    }
  }
  return profiles;
}

async function profileInRunner(
  { job, settings, inputs, context }: Measurement,
  variant: MeasuredVariant,
  index: number,
): Promise<Digest | undefined> {
  await using runner = await context.startRunner(settings.affinity);
  const profile = await runner.request(
    {
      ...variantRequest(job, settings, variant),
      kind: 'profile',
      inputs,
      profilePrefix: join(context.workFolder, `profile-${index}`),
      inferences: profiledInferences,
    },
    { limitMs: 2 * loadLimitMs },
  );
  return profile.path === undefined ? undefined : context.resultBlobs.putFile(profile.path);
}

function variantRequest(
  job: MeasureJob__Output,
  settings: MeasureFacts['settings'],
  variant: MeasuredVariant,
): VariantRequest {
  const { threads, providerOptions, dimensions, batch } = settings;
  return { backend: job.backend, variantPath: variant.path, threads, providerOptions, dimensions, batch };
}

async function summariseJob(
  { job, settings, context, samples, launches, answered }: Measurement,
  profiles: MeasureFacts['profiles'],
): Promise<MeasureFacts> {
  if (!answered) throw allFailed(launches);
  return {
    backend: { id: job.backend, version: answered.backendVersion },
    scenario: job.scenario,
    settings,
    threadsUsed: answered.threads,
    launches,
    samplesBlob: await context.resultBlobs.put(samples.encode()),
    profiles,
  };
}

function allFailed(launches: readonly Launch[]): QfleetError {
  const first = launches.find(({ failure }) => failure)?.failure;
  if (!first) return new QfleetError('invalid-argument', 'The job asks for no launches.');
  const message = `None of ${launches.length} launches gave a timing; the first: ${first.message}`;
  return new JobFailure(launches.length === 1 ? first : { ...first, message });
}
