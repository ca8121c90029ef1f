import { parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { MeasureJob__Output } from '@qfleet/shared/gen/qfleet/v1/MeasureJob.ts';
import type { VariantRef__Output } from '@qfleet/shared/gen/qfleet/v1/VariantRef.ts';
import type { Launch, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import { settingsFacts } from '@qfleet/shared/result/settings-facts.ts';
import { type CountedVariant, runCounterLaunches } from './counter-launches.ts';
import { fetchPoolSource } from './fetch-pool-source.ts';
import type { JobContext } from './job-context.ts';
import { JobFailure } from './job-failure.ts';
import { launchAllSeries, launchShare } from './launch-series.ts';
import { type MeasuredVariant, type Measurement, variantRequest } from './measurement.ts';
import { runProfileLaunches } from './profile-launches.ts';
import { resolveLoad } from './resolve-load.ts';
import { SampleLog } from './sample-log.ts';
import { limitOptions, stageLimits } from './stage-limits.ts';
import { startBeside } from './start-beside.ts';
import { runSustainedLaunches } from './sustained-launches.ts';

/**
 * Times a job's variants in fresh runners, one variant each, in rounds of random order under the host's lock; then
 * runs each once under counters, once under the profiler, and where it is asked for once for minutes. A variant that
 * cannot be launched does not stop the others; throws a `JobFailure` where none could be timed.
 */
export async function runMeasureJob(job: MeasureJob__Output, context: JobContext): Promise<MeasureFacts> {
  const load = resolveLoad(job);
  using pins = new DisposableStack();
  const settings = settingsFacts(job.settings);
  context.onProgress('fetching variants', 0);
  if (job.variants.length === 0) throw new QfleetError('invalid-argument', 'The job has no variants.');
  const variants = await fetchVariants(job.variants, context, pins);
  const companions = await fetchVariants(job.load?.companions ?? [], context, pins);
  const inputs = await fetchPoolSource(job.inputs, settings.batch, { context, pins });
  const backgroundProcesses = job.load?.backgroundProcesses ?? 0;
  const measurement: Measurement = {
    job,
    settings,
    load,
    variants,
    inputs,
    context,
    isLoadedOnPurpose: backgroundProcesses > 0 || companions.length > 0,
    samples: new SampleLog(),
    launches: [],
    answered: undefined,
  };
  await using _lock = await context.lockHost();
  await launchBeside(measurement, { companions, backgroundProcesses });
  if (!measurement.answered) throw allFailed(measurement.launches);
  return summariseJob(measurement, companions, await launchExtras(measurement));
}

async function fetchVariants(
  refs: readonly VariantRef__Output[],
  context: JobContext,
  pins: DisposableStack,
): Promise<MeasuredVariant[]> {
  const fetched: MeasuredVariant[] = [];
  for (const [index, variant] of refs.entries()) {
    context.onProgress(`fetching ${variant.name}`, (launchShare.from * index) / refs.length);
    const { path } = pins.use(await context.fetchBlob(variant));
    const digest = parseDigest(variant.digest);
    fetched.push({ digest, name: variant.name, path, crashes: 0, isGivenUp: false });
  }
  return fetched;
}

/** The timed launches, with what the load puts beside them; that ends before anything else is measured. */
async function launchBeside(
  measurement: Measurement,
  { companions, backgroundProcesses }: { companions: MeasuredVariant[]; backgroundProcesses: number },
): Promise<void> {
  const { job, settings, context, inputs, load } = measurement;
  await using beside = await startBeside({
    context,
    companions: companions.map((companion) => ({
      name: companion.name,
      request: variantRequest(job, settings, companion),
    })),
    backgroundProcesses,
    inputs,
    load,
    maxWarmupSamples: job.maxWarmupSamples,
    limits: stageLimits(limitOptions(job, context)),
  });
  await launchAllSeries(measurement, beside);
}

type Extras = Pick<MeasureFacts, 'profiles' | 'counterLaunches' | 'sustainedLaunches'>;

/** What is measured in launches of its own, since it would slow down the timed ones. */
async function launchExtras(measurement: Measurement): Promise<Extras> {
  const { job, context, inputs, settings, variants } = measurement;
  const { maxWarmupSamples } = job;
  const counted = variants
    .filter(({ isGivenUp }) => !isGivenUp)
    .map(
      (variant): CountedVariant => ({
        digest: variant.digest,
        name: variant.name,
        request: variantRequest(job, settings, variant),
      }),
    );
  const limits = limitOptions(job, context);
  const common = {
    context,
    variants: counted,
    inputs,
    affinity: settings.affinity,
    maxWarmupSamples,
    limits,
  };
  // Counters of an emulator's host say nothing of the board.
  const isCounted = job.counters && !context.isEmulated;
  return {
    ...(isCounted && {
      counterLaunches: await runCounterLaunches({ ...common, fraction: launchShare.to }),
    }),
    profiles: job.profile ? await runProfileLaunches(measurement) : [],
    ...(job.sustainedMs > 0 && {
      sustainedLaunches: await runSustainedLaunches({ ...common, durationMs: job.sustainedMs }),
    }),
  };
}

async function summariseJob(
  { job, settings, load, context, samples, launches, answered }: Measurement,
  companions: readonly MeasuredVariant[],
  extras: Extras,
): Promise<MeasureFacts> {
  if (!answered) throw allFailed(launches);
  const { scenario, ...offered } = load;
  return {
    backend: { id: job.backend, version: answered.backendVersion },
    scenario,
    settings,
    threadsUsed: answered.threads,
    load: {
      ...offered,
      backgroundProcesses: job.load?.backgroundProcesses ?? 0,
      companions: companions.map(({ digest }) => digest),
    },
    launches,
    samplesBlob: await context.resultBlobs.put(samples.encode()),
    ...extras,
  };
}

function allFailed(launches: readonly Launch[]): QfleetError {
  const first = launches.find(({ failure }) => failure)?.failure;
  if (!first) return new QfleetError('invalid-argument', 'The job asks for no launches.');
  const message = `None of ${launches.length} launches gave a timing; the first: ${first.message}`;
  return new JobFailure(launches.length === 1 ? first : { ...first, message });
}
