import type { Feeds, LoadedVariant } from '../backends/backend.ts';
import { turnEventLoop } from './turn-event-loop.ts';

/** Inferences in one window of the steady-state test. */
const windowLength = 5;
/** Medians of two successive windows may differ by so much. */
const tolerance = 0.02;
/** The warm-up ends after this long whatever it shows. */
export const maxWarmupMs = 20_000;

export interface WarmUp {
  readonly samplesNs: Float64Array;
  /** Whether the steady state was reached before the limits. */
  readonly steady: boolean;
}

/**
 * Runs inferences until the medians of two successive windows of five differ by less than 2 %, at most
 * `maxSamples` (at least five) or 20 s. Every duration is kept.
 */
export async function warmUp(
  variant: LoadedVariant,
  feeds: readonly Feeds[],
  maxSamples: number,
): Promise<WarmUp> {
  const limit = Math.max(windowLength, maxSamples);
  const maxWarmupNs = BigInt(maxWarmupMs) * 1_000_000n;
  const samples: number[] = [];
  const start = process.hrtime.bigint();
  let end = start;
  while (samples.length < limit && end - start < maxWarmupNs && !isSteady(samples)) {
    const feed = feeds[samples.length % feeds.length]!;
    const before = process.hrtime.bigint();
    await variant.infer(feed);
    end = process.hrtime.bigint();
    samples.push(Number(end - before));
    if (samples.length % windowLength === 0) await turnEventLoop();
  }
  return { samplesNs: Float64Array.from(samples), steady: isSteady(samples) };
}

/** Whether the last two whole windows agree. Looks only at the ends of windows, so that each is judged once. */
export function isSteady(samples: readonly number[]): boolean {
  if (samples.length < 2 * windowLength || samples.length % windowLength !== 0) return false;
  const last = median(samples.slice(-windowLength));
  const previous = median(samples.slice(-2 * windowLength, -windowLength));
  return Math.abs(last - previous) < tolerance * previous;
}

function median(window: readonly number[]): number {
  return [...window].sort((a, b) => a - b)[windowLength >> 1]!;
}
