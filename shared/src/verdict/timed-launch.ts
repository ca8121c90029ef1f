import type { Launch } from '../result/job-result.ts';

/** A launch that came to its end, with its samples. */
export interface TimedLaunch {
  readonly launch: Launch;
  /** Counts the launches of this variant in the job's order, failed ones too: launches of equal round ran close together. */
  readonly round: number;
  /** Nanoseconds, in the order they were taken, warm-up left out. */
  readonly samplesNs: Float64Array;
  /** The one number of a launch by which variants are compared: time per answer, nanoseconds, see `launchFigure`. */
  readonly figureNs: number;
}
