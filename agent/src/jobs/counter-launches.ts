import type { CounterLaunch } from '@qfleet/shared/result/job-result.ts';
import type { PoolSource, VariantRequest } from '../runner/protocol.ts';
import type { JobContext } from './job-context.ts';
import { toFailure } from './job-failure.ts';

export interface CountedVariant {
  readonly digest: string;
  readonly name: string;
  readonly request: VariantRequest;
}

export interface CounterLaunchOptions {
  readonly context: JobContext;
  readonly variants: readonly CountedVariant[];
  readonly inputs: PoolSource;
  readonly affinity: readonly number[];
  readonly maxWarmupSamples: number;
  /** Progress of the job while they run, 0…1. */
  readonly fraction: number;
}

/**
 * One launch per variant under counters, in a process of its own: its latencies are nobody's headline, for counters
 * and meters cost time. A launch that fails says so and does not stop the others.
 */
export async function runCounterLaunches(options: CounterLaunchOptions): Promise<CounterLaunch[]> {
  const { context, variants, fraction } = options;
  const launches: CounterLaunch[] = [];
  for (const variant of variants) {
    context.onProgress(`counting ${variant.name}`, fraction);
    launches.push(await countOne(variant, options));
  }
  return launches;
}

/** Enough inferences that what happens once is nothing beside them … */
const minInferences = 20;
/** … and enough time for power meters, which are read ten times a second. */
const minDurationMs = 2000;
const maxDurationMs = 20_000;
/** Loading and the first inference of a large model on a slow board take minutes. */
const limitMs = 300_000 + 3 * maxDurationMs;

async function countOne(variant: CountedVariant, options: CounterLaunchOptions): Promise<CounterLaunch> {
  const { context, inputs, affinity, maxWarmupSamples } = options;
  const base = { variantDigest: variant.digest, power: [] };
  try {
    await using runner = await context.startRunner(affinity);
    const counts = await runner.request(
      {
        ...variant.request,
        kind: 'count',
        inputs,
        minInferences,
        minDurationMs,
        maxDurationMs,
        maxWarmupSamples,
      },
      { limitMs },
    );
    return { ...base, ...counts };
  } catch (thrown) {
    context.signal.throwIfAborted();
    return { ...base, events: [], failure: toFailure(thrown) };
  }
}
