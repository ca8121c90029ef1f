import type { Backend } from '../backends/backend.ts';
import { monotonicClock } from './launch-clock.ts';
import { loadVariant } from './load-variant.ts';
import { makeInputPool } from './make-input-pool.ts';
import type { LaunchMeasurement, LaunchProfile, MeasureRequest, ProfileRequest } from './protocol.ts';
import { readPeakMemory } from './read-peak-memory.ts';
import { targetOf } from './target-of.ts';
import { timeLoad } from './time-load.ts';
import { warmUp } from './warm-up.ts';

/** One launch: load the variant, run it once, warm it up, offer it its load and time that. */
export async function measureLaunch(
  backends: readonly Backend[],
  request: MeasureRequest,
): Promise<LaunchMeasurement> {
  const { variant, ...load } = await loadVariant(backends, request);
  const pool = await makeInputPool(request.inputs, variant.inputs, request);
  const feeds = pool.feeds.map((tensors) => variant.prepareFeeds(tensors));
  const before = process.hrtime.bigint();
  await variant.infer(feeds[0]!);
  const firstInferenceNs = Number(process.hrtime.bigint() - before);
  const warm = await warmUp(variant, feeds, request.maxWarmupSamples);
  const target = targetOf({ variant, feeds, batch: request.batch, warm, clock: monotonicClock });
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
    peakMemoryBytes: await readPeakMemory(),
    inputDigest: pool.digest,
  };
}

/** A launch of its own for the operator profile, since profiling slows inferences down. */
export async function profileLaunch(
  backends: readonly Backend[],
  request: ProfileRequest,
): Promise<LaunchProfile> {
  const { variant } = await loadVariant(backends, request, { profilePrefix: request.profilePrefix });
  const pool = await makeInputPool(request.inputs, variant.inputs, request);
  const feeds = pool.feeds.map((tensors) => variant.prepareFeeds(tensors));
  for (let i = 0; i < request.inferences; i++) await variant.infer(feeds[i % feeds.length]!);
  const path = await variant.endProfile();
  return { inferences: request.inferences, ...(path === undefined ? {} : { path }) };
}
