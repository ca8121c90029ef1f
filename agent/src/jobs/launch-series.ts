import { availableParallelism } from 'node:os';
import { createRandom } from '@qfleet/shared/random.ts';
import type { Launch } from '@qfleet/shared/result/job-result.ts';
import { isWorthRepeating } from '@qfleet/shared/verdict/choose-series.ts';
import { judgeTiming } from '@qfleet/shared/verdict/judge-timing.ts';
import { launchFigure } from '@qfleet/shared/verdict/launch-figure.ts';
import type { TimedLaunch } from '@qfleet/shared/verdict/timed-launch.ts';
import type { TimingVerdict } from '@qfleet/shared/verdict/timing-verdicts.ts';
import { isWorthAnotherLaunch, toFailure } from './job-failure.ts';
import { type MeasuredVariant, type Measurement, variantRequest } from './measurement.ts';
import { orderLaunches } from './order-launches.ts';
import { limitOptions, stageLimits } from './stage-limits.ts';
import type { Beside } from './start-beside.ts';
import { EnvironmentWatch } from './watch-environment.ts';

/** A server's search tries at most so many rates, each as long as a launch may take. */
const maxRateTrials = 16;
/** The share of the job's progress that launches make up; the rest is fetching before and profiles after. */
export const launchShare = { from: 0.1, to: 0.9 };

/**
 * Launches all variants in rounds of random order; then, as often as the job allows, all of them again where a
 * variant's timing could not be trusted. Every series is kept: which one counts is judged where all are seen.
 */
export async function launchAllSeries(measurement: Measurement, beside: Beside): Promise<void> {
  const { job, context } = measurement;
  for (let series = 0; series <= job.maxRepeats; series++) {
    const launches = await launchSeries(measurement, beside, series);
    if (context.isEmulated || !isWorthRepeating(judgeSeries(measurement, launches))) return;
  }
}

interface SeriesLaunch {
  readonly launch: Launch;
  readonly samplesNs: Float64Array;
}

async function launchSeries(
  measurement: Measurement,
  beside: Beside,
  series: number,
): Promise<SeriesLaunch[]> {
  const { job, context, variants } = measurement;
  // Another order each time: what happened to meet one variant must not meet it again.
  const order = orderLaunches(variants.length, job.launchesPerVariant, createRandom(job.seed + series));
  const launched: SeriesLaunch[] = [];
  for (const [position, index] of order.entries()) {
    const variant = variants[index]!;
    if (variant.isGivenUp) continue;
    const done = (series + position / order.length) / (job.maxRepeats + 1);
    const again = series > 0 ? `, once more since the timing was not to be trusted (${series})` : '';
    context.onProgress(
      `timing ${variant.name}, launch ${position + 1} of ${order.length}${again}`,
      launchShare.from + done * (launchShare.to - launchShare.from),
    );
    launched.push(await launchOnce(measurement, beside, { variant, series }));
    const { failure } = launched.at(-1)!.launch;
    if (failure && isWorthAnotherLaunch(failure) && !variant.isGivenUp) {
      launched.push(await launchOnce(measurement, beside, { variant, series }));
    }
  }
  return launched;
}

function judgeSeries(measurement: Measurement, launched: readonly SeriesLaunch[]): TimingVerdict[] {
  const { job, variants, answered, isLoadedOnPurpose } = measurement;
  return variants.map(({ digest }) => {
    const own = launched.filter(({ launch }) => launch.variantDigest === digest);
    const timed = own.flatMap((entry, round) => timedLaunch(job.scenario, entry, round));
    return judgeTiming({
      launches: timed,
      failures: [],
      emulatedBy: undefined,
      whyNone: undefined,
      processors: availableParallelism(),
      threadsUsed: answered?.threads,
      isLoadedOnPurpose,
    });
  });
}

function timedLaunch(scenario: string, { launch, samplesNs }: SeriesLaunch, round: number): TimedLaunch[] {
  const figureNs = launchFigure(scenario, launch, samplesNs);
  return figureNs === undefined || !(figureNs > 0) ? [] : [{ launch, round, samplesNs, figureNs }];
}

async function launchOnce(
  measurement: Measurement,
  beside: Beside,
  { variant, series }: { readonly variant: MeasuredVariant; readonly series: number },
): Promise<SeriesLaunch> {
  const { context, launches } = measurement;
  const environmentBefore = await context.readEnvironment();
  const base = {
    variantDigest: variant.digest,
    order: launches.length,
    ...(series > 0 && { series }),
    startedAtUnixMs: Date.now(),
    environmentBefore,
  };
  let launched: SeriesLaunch;
  try {
    const { facts, samplesNs } = await measureInRunner(measurement, variant);
    beside.throwIfFailed();
    launched = { launch: { ...base, ...facts }, samplesNs };
  } catch (thrown) {
    context.signal.throwIfAborted();
    beside.throwIfFailed();
    const failure = toFailure(thrown);
    if (isWorthAnotherLaunch(failure)) variant.crashes++;
    variant.isGivenUp = !isWorthAnotherLaunch(failure) || variant.crashes > 1;
    launched = { launch: { ...base, failure }, samplesNs: new Float64Array() };
  }
  launched.launch.environmentAfter = await context.readEnvironment();
  launches.push(launched.launch);
  return launched;
}

async function measureInRunner(
  measurement: Measurement,
  variant: MeasuredVariant,
): Promise<{ facts: Partial<Launch>; samplesNs: Float64Array }> {
  const { job, settings, inputs, context, samples, load } = measurement;
  await using runner = await context.startRunner(settings.affinity);
  const cpuBefore = process.cpuUsage();
  using watch = new EnvironmentWatch(context);
  const { minSamples, minDurationMs, maxDurationMs, maxWarmupSamples } = job;
  const timedLimitMs =
    Math.max(maxDurationMs, minDurationMs) * (load.scenario === 'server' ? maxRateTrials : 1);
  const measured = await runner.request(
    {
      ...variantRequest(job, settings, variant),
      kind: 'measure',
      inputs,
      load,
      minSamples,
      minDurationMs,
      maxDurationMs,
      maxWarmupSamples,
    },
    { limits: stageLimits(limitOptions(job, context), timedLimitMs) },
  );
  const agentCpu = process.cpuUsage(cpuBefore);
  measurement.answered = measured;
  const { warmupNs, timedNs, backendVersion: _version, threads: _threads, ...rest } = measured;
  const facts = {
    ...rest,
    spawnNs: runner.spawnNs,
    sampleOffset: samples.add(warmupNs, timedNs),
    warmupCount: warmupNs.length,
    timedCount: timedNs.length,
    agentCpuTimeNs: (agentCpu.user + agentCpu.system) * 1000,
    ...(watch.seen.length > 0 && { environmentDuring: [...watch.seen] }),
  };
  return { facts, samplesNs: timedNs };
}
