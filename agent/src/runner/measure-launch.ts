import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Backend, Feeds, LoadedVariant } from '../backends/backend.ts';
import { monotonicClock } from './launch-clock.ts';
import { loadVariant } from './load-variant.ts';
import { type InputPool, makeInputPool } from './make-input-pool.ts';
import type {
  LaunchMeasurement,
  LaunchProfile,
  MeasureRequest,
  ProfileRequest,
  Telling,
} from './protocol.ts';
import { readPeakMemory } from './read-peak-memory.ts';
import { targetOf } from './target-of.ts';
import { timeLoad } from './time-load.ts';
import { warmUp } from './warm-up.ts';

/** One launch: load the variant, run it once, warm it up, offer it its load and time that. */
export async function measureLaunch(
  backends: readonly Backend[],
  request: MeasureRequest,
  { onStage }: Pick<Telling, 'onStage'>,
): Promise<LaunchMeasurement> {
  const { variant, ...load } = await loadVariant(backends, request);
  const pool = await makeInputPool(request.inputs, variant.inputs, request);
  const feeds = pool.feeds.map((tensors) => variant.prepareFeeds(tensors));
  if (variant.timeItself) {
    onStage('working');
    const own = await timeOwn(variant, feeds, request);
    return { ...load, threads: variant.threads, ...own, ...(await describeEnd(pool)) };
  }
  onStage('first-inference');
  const before = process.hrtime.bigint();
  await variant.infer(feeds[0]!);
  const firstInferenceNs = Number(process.hrtime.bigint() - before);
  onStage('warm-up');
  const warm = await warmUp(variant, feeds, request.maxWarmupSamples);
  const target = targetOf({ variant, feeds, batch: request.batch, warm, clock: monotonicClock });
  onStage('working');
  const { latenciesNs, wallNs, ...timed } = await timeLoad(target, request.load, request);
  return {
    ...load,
    threads: variant.threads,
    firstInferenceNs,
    warmupNs: warm.samplesNs,
    steady: warm.steady,
    timedNs: latenciesNs,
    timedWallNs: wallNs,
    ...timed,
    ...(await describeEnd(pool)),
  };
}

async function describeEnd({
  digest,
  shapes,
}: InputPool): Promise<Pick<LaunchMeasurement, 'peakMemoryBytes' | 'inputDigest' | 'inputShapes'>> {
  return { peakMemoryBytes: await readPeakMemory(), inputDigest: digest, inputShapes: shapes };
}

/** The backend's own timed section, warm-up included: what is done around it would be timed too. */
async function timeOwn(
  variant: LoadedVariant,
  feeds: readonly Feeds[],
  { load, minSamples, minDurationMs }: MeasureRequest,
): Promise<
  Pick<
    LaunchMeasurement,
    'warmupNs' | 'timedNs' | 'timedWallNs' | 'timedSamples' | 'involuntarySwitches' | 'latencySource'
  >
> {
  if (load.scenario !== 'single-stream') {
    throw new QfleetError(
      'unsupported',
      `This backend times itself, which gives single-stream alone, not ${load.scenario}.`,
    );
  }
  const own = await variant.timeItself!({ feeds: feeds[0]!, minSamples, minDurationMs });
  return {
    warmupNs: new Float64Array(),
    timedNs: own.latenciesNs,
    timedWallNs: own.wallNs,
    timedSamples: own.latenciesNs.length,
    involuntarySwitches: 0,
    latencySource: own.source,
  };
}

/** A launch of its own for the operator profile, since profiling slows inferences down. */
export async function profileLaunch(
  backends: readonly Backend[],
  request: ProfileRequest,
  { onStage }: Pick<Telling, 'onStage'>,
): Promise<LaunchProfile> {
  const { variant } = await loadVariant(backends, request, { profilePrefix: request.profilePrefix });
  const pool = await makeInputPool(request.inputs, variant.inputs, request);
  const feeds = pool.feeds.map((tensors) => variant.prepareFeeds(tensors));
  for (let i = 0; i < request.inferences; i++) {
    onStage(i === 0 ? 'first-inference' : 'working');
    await variant.infer(feeds[i % feeds.length]!);
  }
  const path = await variant.endProfile();
  return { inferences: request.inferences, ...(path === undefined ? {} : { path }) };
}
