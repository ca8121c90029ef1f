import { available } from '@qfleet/shared/available-reading.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import { compareLaunches, type SpeedVerdict } from '@qfleet/shared/statistics/compare-launches.ts';
import type { LaunchFigure } from './launch-figure.ts';

/** Of intervals and tests where a timing is not trusted. */
const doubtfulConfidence = 0.99;

/**
 * How many times faster the subject is than the reference (reference time over subject time), from launch
 * medians. Launches of one job are paired by round; of two jobs, or where no round is complete, they are not.
 * Both sides must have at least one launch.
 */
export function speedReading(options: {
  readonly quantity: string;
  readonly reference: readonly LaunchFigure[];
  readonly subject: readonly LaunchFigure[];
  readonly sameJob: boolean;
  /** Whether the timing of both sides is trusted: where not, the interval is of 99 % and a difference has to be the clearer. */
  readonly isTrusted: boolean;
  /** The plan's smallest effect and margin of equality; absent: the defaults. */
  readonly limits?: { readonly minEffect?: number; readonly equivalenceMargin?: number };
}): { reading: Reading; verdict: SpeedVerdict } {
  const { reference, subject } = options;
  const pairs = options.sameJob ? pairByRound(reference, subject) : [];
  const paired = pairs.length > 0;
  const comparison = compareLaunches({
    reference: paired ? pairs.map((pair) => pair.referenceNs) : reference.map((launch) => launch.figureNs),
    subject: paired ? pairs.map((pair) => pair.subjectNs) : subject.map((launch) => launch.figureNs),
    paired,
    ...(!options.isTrusted && { confidence: doubtfulConfidence }),
    ...(options.limits?.minEffect !== undefined && { minEffect: options.limits.minEffect }),
    ...(options.limits?.equivalenceMargin !== undefined && {
      equivalenceMargin: options.limits.equivalenceMargin,
    }),
  });
  const reading = available({
    quantity: options.quantity,
    status: 'derived',
    value: comparison.ratio,
    unit: '1',
    method: `ratio-of-launch-medians-${paired ? 'paired-by-round' : 'unpaired'}`,
    interval: comparison.interval,
    n: paired ? pairs.length : Math.min(reference.length, subject.length),
    flags: [comparison.verdict, ...(options.isTrusted ? [] : ['99 % interval: a timing is not trusted'])],
  });
  return { reading, verdict: comparison.verdict };
}

function pairByRound(
  reference: readonly LaunchFigure[],
  subject: readonly LaunchFigure[],
): { referenceNs: number; subjectNs: number }[] {
  const byRound = new Map(reference.map((launch) => [launch.round, launch.figureNs]));
  return subject.flatMap((launch) => {
    const referenceNs = byRound.get(launch.round);
    return referenceNs === undefined ? [] : [{ referenceNs, subjectNs: launch.figureNs }];
  });
}
