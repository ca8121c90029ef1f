import type { MeasureFacts } from '../result/job-result.ts';
import { chooseSeries } from '../verdict/choose-series.ts';
import { judgeTiming } from '../verdict/judge-timing.ts';
import { type TimingVerdict, type TimingVerdictWord, timingVerdicts } from '../verdict/timing-verdicts.ts';
import { type LaunchEvidence, readLaunches } from './read-launches.ts';

/** What the verdicts need to know of the device. */
export interface JudgedDevice {
  readonly emulatedBy: string | undefined;
  readonly processors: number | undefined;
}

/** A measure job's launches have been made once or, since they could not be trusted, several times. */
export interface JudgedSeries {
  /** The series that counts, from 0. */
  readonly chosen: number;
  /**
   * The worst verdict of each series over the variants of the job that could be timed at all, in the order they were
   * made.
   */
  readonly tried: readonly TimingVerdictWord[];
}

/** Judges every series of a job and chooses the one that counts, for all of its variants. */
export function judgeSeries(
  facts: MeasureFacts,
  device: JudgedDevice,
  blobs: ReadonlyMap<string, Uint8Array>,
): JudgedSeries {
  const last = facts.launches.reduce((most, { series = 0 }) => Math.max(most, series), 0);
  const variants = [...new Set(facts.launches.map(({ variantDigest }) => variantDigest))];
  const read = Array.from({ length: last + 1 }, (_, series) =>
    variants.map((variantDigest) => readLaunches(facts, { variantDigest, series }, blobs)),
  );
  // A variant that cannot be launched is in no series any better.
  const isTimed = variants.map((_, i) => read.some((ofSeries) => ofSeries[i]!.completed.length > 0));
  const judged = read.map((ofSeries) => ({
    verdicts: ofSeries
      .filter((_, i) => isTimed[i])
      .map((launches) => judgeLaunches(facts, { launches, whyNone: undefined }, device)),
  }));
  return { chosen: chooseSeries(judged), tried: judged.map(({ verdicts }) => worstOf(verdicts)) };
}

/** The verdict on one variant's launches. */
export function judgeLaunches(
  facts: MeasureFacts | undefined,
  { launches, whyNone }: { readonly launches: LaunchEvidence; readonly whyNone: string | undefined },
  device: JudgedDevice,
): TimingVerdict {
  const load = facts?.load;
  return judgeTiming({
    launches: launches.completed,
    failures: launches.failures,
    whyNone,
    ...device,
    threadsUsed: facts?.threadsUsed,
    isLoadedOnPurpose: load !== undefined && (load.backgroundProcesses > 0 || load.companions.length > 0),
  });
}

function worstOf(verdicts: readonly TimingVerdict[]): TimingVerdictWord {
  const words = verdicts.map(({ verdict }) => verdict);
  return timingVerdicts.findLast((word) => words.includes(word)) ?? 'insufficient';
}
