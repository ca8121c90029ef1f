import type { SustainedLaunch } from '@qfleet/shared/result/job-result.ts';
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type { Backend, Feeds, LoadedVariant } from '../backends/backend.ts';
import { readEnvironment } from '../environment/read-environment.ts';
import { createBreather } from './breathe.ts';
import { monotonicClock } from './launch-clock.ts';
import { loadVariant } from './load-variant.ts';
import { makeInputPool } from './make-input-pool.ts';
import type { SustainRequest, Telling } from './protocol.ts';
import { warmUp } from './warm-up.ts';

type Window = SustainedLaunch['windows'][number];

/** Three digits: a latency is kept to 0.1 %. */
const significantDigits = 3;

/**
 * Runs without a pause for the whole duration and tells each window's latencies and what the board was like at its
 * end: minutes show what seconds hide, that a board throttles once it is hot. The environment is read between two
 * inferences, so that no latency holds it.
 */
export async function sustainLaunch(
  backends: readonly Backend[],
  request: SustainRequest,
  { onProgress, onStage }: Telling,
): Promise<Pick<SustainedLaunch, 'windows'>> {
  const { variant } = await loadVariant(backends, request);
  const pool = await makeInputPool(request.inputs, variant.inputs, request);
  const feeds = pool.feeds.map((tensors) => variant.prepareFeeds(tensors));
  onStage('warm-up');
  await warmUp(variant, feeds, request.maxWarmupSamples);
  onStage('working');
  const windows: Window[] = [];
  const startNs = monotonicClock.nowNs();
  const elapsedNs = (): number => monotonicClock.nowNs() - startNs;
  do {
    windows.push(await runWindow({ variant, feeds }, request.windowMs, elapsedNs));
    onProgress(Math.min(1, elapsedNs() / (request.durationMs * 1e6)));
  } while (elapsedNs() < request.durationMs * 1e6);
  return { windows };
}

async function runWindow(
  { variant, feeds }: { variant: LoadedVariant; feeds: readonly Feeds[] },
  windowMs: number,
  elapsedNs: () => number,
): Promise<Window> {
  const histogram = build({ bitBucketSize: 64, numberOfSignificantValueDigits: significantDigits });
  const breathe = createBreather(monotonicClock);
  const startNs = elapsedNs();
  let inferences = 0;
  let endNs = startNs;
  do {
    const before = elapsedNs();
    await variant.infer(feeds[inferences++ % feeds.length]!);
    endNs = elapsedNs();
    histogram.recordValue(Math.max(1, Math.round(endNs - before)));
    await breathe(monotonicClock.nowNs());
  } while (endNs - startNs < windowMs * 1e6);
  return {
    startNs,
    endNs,
    inferences,
    histogram: encodeIntoCompressedBase64(histogram),
    environment: await readEnvironment('/', { isQuiet: true }),
  };
}
