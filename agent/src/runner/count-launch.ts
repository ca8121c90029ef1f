import type { Backend, Feeds, LoadedVariant } from '../backends/backend.ts';
import { loadVariant } from './load-variant.ts';
import { makeInputPool } from './make-input-pool.ts';
import type { CountRequest, LaunchCounts, Telling } from './protocol.ts';
import { turnEventLoop } from './turn-event-loop.ts';
import { warmUp } from './warm-up.ts';

/**
 * One launch under counters. They are opened before the backend's library loads: a thread is counted only where it
 * was started after (of 492 ms of two ONNX Runtime threads 489 are seen, opened later 236). Progress is told twice:
 * 0 when the counted section begins, for whoever watches meters meanwhile, and 1 when it is over.
 */
export async function countLaunch(
  backends: readonly Backend[],
  request: CountRequest,
  { onProgress, onStage }: Telling,
): Promise<LaunchCounts> {
  // On demand, since the counters' library is for this kind of launch alone.
  const { openOwnCounters } = await import('../counters/open-own-counters.ts');
  using counters = (await openOwnCounters()).counters;
  const { variant } = await loadVariant(backends, request);
  const pool = await makeInputPool(request.inputs, variant.inputs, request);
  const feeds = pool.feeds.map((tensors) => variant.prepareFeeds(tensors));
  onStage('warm-up');
  await warmUp(variant, feeds, request.maxWarmupSamples);
  onStage('working');
  onProgress(0);
  await turnEventLoop();
  const { answer, events } = await counters.during(() => runInferences(variant, feeds, request));
  onProgress(1);
  return { ...answer, events };
}

/** The event loop turns at least so often, so that a runner whose agent died ends. */
const turnEveryNs = 100_000_000;

async function runInferences(
  variant: LoadedVariant,
  feeds: readonly Feeds[],
  limits: CountRequest,
): Promise<Omit<LaunchCounts, 'events'>> {
  const cpuBefore = process.cpuUsage();
  const start = process.hrtime.bigint();
  let inferences = 0;
  let wallNs = 0;
  let turnedNs = 0;
  do {
    await variant.infer(feeds[inferences % feeds.length]!);
    inferences++;
    wallNs = Number(process.hrtime.bigint() - start);
    if (wallNs - turnedNs > turnEveryNs) {
      await turnEventLoop();
      turnedNs = wallNs;
    }
  } while (!isDone(inferences, wallNs / 1e6, limits));
  const cpu = process.cpuUsage(cpuBefore);
  return { inferences, wallNs, cpuTimeNs: (cpu.user + cpu.system) * 1000 };
}

function isDone(inferences: number, wallMs: number, limits: CountRequest): boolean {
  if (limits.maxDurationMs > 0 && wallMs >= limits.maxDurationMs) return true;
  return inferences >= limits.minInferences && wallMs >= limits.minDurationMs;
}
