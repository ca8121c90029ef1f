import type { SustainedLaunch } from '@qfleet/shared/result/job-result.ts';
import type { PoolSource } from '../runner/protocol.ts';
import type { CountedVariant } from './counter-launches.ts';
import type { JobContext } from './job-context.ts';
import { toFailure } from './job-failure.ts';
import { type StageLimitOptions, stageLimits } from './stage-limits.ts';

/** A minute of a short run is seen in six windows, a day in some thousands. */
const windowMs = 10_000;

/** One launch per variant that runs for minutes without a pause. A launch that fails does not stop the others. */
export async function runSustainedLaunches(options: {
  readonly context: JobContext;
  readonly variants: readonly CountedVariant[];
  readonly inputs: PoolSource;
  readonly affinity: readonly number[];
  readonly durationMs: number;
  readonly maxWarmupSamples: number;
  readonly limits: StageLimitOptions;
}): Promise<SustainedLaunch[]> {
  const { context, variants, inputs, affinity, durationMs, maxWarmupSamples, limits } = options;
  const launches: SustainedLaunch[] = [];
  for (const { digest, name, request } of variants) {
    const onProgress = (done: number): void =>
      context.onProgress(`sustained run of ${name}, ${Math.round(100 * done)} %`, 0.95);
    onProgress(0);
    try {
      await using runner = await context.startRunner(affinity);
      const { windows } = await runner.request(
        {
          ...request,
          kind: 'sustain',
          inputs,
          durationMs,
          windowMs: Math.min(windowMs, durationMs),
          maxWarmupSamples,
        },
        { limits: stageLimits(limits, windowMs), onProgress },
      );
      launches.push({ variantDigest: digest, windows });
    } catch (thrown) {
      context.signal.throwIfAborted();
      launches.push({ variantDigest: digest, windows: [], failure: toFailure(thrown) });
    }
  }
  return launches;
}
