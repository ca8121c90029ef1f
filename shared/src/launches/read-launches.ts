import type { Launch, MeasureFacts } from '../result/job-result.ts';
import { launchFigure } from '../verdict/launch-figure.ts';
import type { TimedLaunch } from '../verdict/timed-launch.ts';
import { float64At } from './float64-at.ts';

/** No inference of a job that ends takes eleven days. */
const maxSampleNs = 1e15;

export interface LaunchEvidence {
  readonly completed: readonly TimedLaunch[];
  /** One sentence per launch that has no samples. */
  readonly failures: readonly string[];
}

/**
 * The launches of one variant in one series of a measure job, in the job's order, their samples taken out of the
 * samples blob. A variant that was given up before that series has the failures of those before, for which it was.
 */
export function readLaunches(
  facts: MeasureFacts,
  { variantDigest, series }: { readonly variantDigest: string; readonly series: number },
  blobs: ReadonlyMap<string, Uint8Array>,
): LaunchEvidence {
  const all = facts.launches
    .filter((launch) => launch.variantDigest === variantDigest)
    .sort((a, b) => a.order - b.order);
  const ofSeries = all.filter((launch) => (launch.series ?? 0) === series);
  const launches = ofSeries.length > 0 ? ofSeries : all.filter(({ failure }) => failure);
  const bytes = facts.samplesBlob === undefined ? new Uint8Array() : blobs.get(facts.samplesBlob);
  const read = launches.map((launch, round) => readLaunch(facts.scenario, launch, round, bytes));
  return {
    completed: read.filter((entry) => typeof entry !== 'string'),
    failures: read.filter((entry) => typeof entry === 'string'),
  };
}

function readLaunch(
  scenario: string,
  launch: Launch,
  round: number,
  bytes: Uint8Array | undefined,
): TimedLaunch | string {
  if (launch.failure) return `launch-failed: ${launch.failure.class}: ${launch.failure.message}`;
  const { sampleOffset = 0, warmupCount = 0, timedCount = 0 } = launch;
  if (timedCount === 0) return 'no-samples: the launch reported none';
  if (!bytes) return 'bad-evidence: the samples blob is gone, or the disk has changed it';
  const samplesNs = float64At(bytes, sampleOffset + warmupCount, timedCount);
  if (!samplesNs) return 'bad-evidence: the samples blob is shorter than the launch says';
  const areDurations = samplesNs.every((sampleNs) => sampleNs >= 0 && sampleNs <= maxSampleNs);
  if (!areDurations) return 'bad-evidence: a sample is no duration: negative, not a number, or beyond reason';
  const figureNs = launchFigure(scenario, launch, samplesNs);
  if (figureNs === undefined) return 'no-figure: no rate kept the latency bound';
  if (!(figureNs > 0)) return 'bad-evidence: half of the samples are 0 ns';
  return { launch, round, samplesNs, figureNs };
}
