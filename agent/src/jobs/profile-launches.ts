import type { Digest } from '@qfleet/shared/digest.ts';
import type { MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import { toFailure } from './job-failure.ts';
import { launchShare } from './launch-series.ts';
import { type MeasuredVariant, type Measurement, variantRequest } from './measurement.ts';
import { recordProfile } from './record-profile.ts';
import { limitOptions, stageLimits } from './stage-limits.ts';

/** Inferences in a profile launch. */
const profiledInferences = 3;

/** One launch per variant with the runtime's own profiler on; a variant that was given up gets none. */
export async function runProfileLaunches(measurement: Measurement): Promise<MeasureFacts['profiles']> {
  const { context, variants } = measurement;
  const profiles: MeasureFacts['profiles'] = [];
  for (const [index, variant] of variants.entries()) {
    if (variant.isGivenUp) continue;
    const done = index / variants.length;
    context.onProgress(`profiling ${variant.name}`, launchShare.to + done * (1 - launchShare.to));
    try {
      const blob = await profileInRunner(measurement, variant, index);
      if (blob) profiles.push({ variantDigest: variant.digest, blob, inferences: profiledInferences });
    } catch (thrown) {
      // A profile is an extra: the timings stand without it.
      context.signal.throwIfAborted();
      context.onProgress(`no profile of ${variant.name}: ${toFailure(thrown).message}`, launchShare.to);
    }
  }
  return profiles;
}

function profileInRunner(
  { job, settings, inputs, context }: Measurement,
  variant: MeasuredVariant,
  index: number,
): Promise<Digest | undefined> {
  return recordProfile({
    context,
    affinity: settings.affinity,
    fileName: `profile-${index}`,
    limits: stageLimits(limitOptions(job, context), 0),
    request: { ...variantRequest(job, settings, variant), inputs, inferences: profiledInferences },
  });
}
