import type { Backend } from '../backends/backend.ts';
import { monotonicClock } from './launch-clock.ts';
import { loadVariant } from './load-variant.ts';
import { makeInputPool } from './make-input-pool.ts';
import type { OfferedLoad, ServeRequest, Telling } from './protocol.ts';
import { targetOf } from './target-of.ts';
import { timeLoad } from './time-load.ts';
import { warmUp } from './warm-up.ts';

/** One round of load; then the next begins, until the process is ended. */
const round = { minSamples: 1, minDurationMs: 1000, maxDurationMs: 10_000 };
/** A server without a rate is kept half busy. */
const serverShare = 0.5;

/** A companion: serves beside the variant that is timed, for as long as the process lives. */
export async function serve(
  backends: readonly Backend[],
  request: ServeRequest,
  { onProgress, onStage }: Telling,
): Promise<never> {
  const { variant } = await loadVariant(backends, request);
  const pool = await makeInputPool(request.inputs, variant.inputs, request);
  const feeds = pool.feeds.map((tensors) => variant.prepareFeeds(tensors));
  onStage('warm-up');
  const warm = await warmUp(variant, feeds, request.maxWarmupSamples);
  const target = targetOf({ variant, feeds, batch: request.batch, warm, clock: monotonicClock });
  const load = fixRate(request.load, target.serviceNs);
  onStage('working');
  onProgress(1);
  for (;;) await timeLoad(target, load, round);
}

/** A companion searches no rate: that would be another load at every moment. */
function fixRate(load: OfferedLoad, serviceNs: number): OfferedLoad {
  if (load.scenario !== 'server' || load.targetRatePerSec > 0) return load;
  return { ...load, targetRatePerSec: (serverShare * 1e9) / Math.max(1, serviceNs * load.samplesPerQuery) };
}
