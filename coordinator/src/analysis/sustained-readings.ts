import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { SustainedLaunch } from '@qfleet/shared/result/job-result.ts';
import { build, type Histogram } from 'hdr-histogram-js';
import { decodeHistogram } from './decode-histogram.ts';

/** Minutes that a sustained run is told at. */
export const sustainedMinutes = [1, 5, 30] as const;
/** Throttled is a window whose median is above the first minute's by more than this. */
export const onsetFactor = 1.1;

const minuteNs = 60e9;

/**
 * What a run without a pause says: the median latency in minute 1, 5 and 30 (`sustained.p50.minute-N`: the windows
 * that end in that minute, their histograms merged), and when it first got slower than the first minute by more than
 * a tenth and stayed so for two windows (`sustained.onset`, since the start). Nothing where there was no such run.
 */
export function sustainedReadings(launch: SustainedLaunch | undefined): Reading[] {
  if (!launch) return [];
  const reason = launch.failure
    ? `${launch.failure.class}: ${launch.failure.message}`
    : launch.windows.length === 0
      ? 'no-windows: the run was over before it began'
      : undefined;
  const seen = reason === undefined ? summariseWindows(launch.windows) : undefined;
  if (!seen) {
    const why = reason ?? 'bad-evidence: a histogram that is none';
    return [
      ...sustainedMinutes.map((minute) => unavailable(minuteQuantity(minute), 'ns', why)),
      unavailable('sustained.onset', 'ns', why),
    ];
  }
  return [...sustainedMinutes.map((minute) => minuteReading(seen, minute)), onsetReading(seen)];
}

function minuteQuantity(minute: number): string {
  return `sustained.p50.minute-${minute}`;
}

/** What is kept of a run: a day has thousands of windows, of which no more than one is held at a time. */
interface SeenWindows {
  /** Histograms of the windows that end in a minute, merged. */
  readonly minutes: ReadonlyMap<number, Histogram>;
  readonly windows: readonly {
    readonly startNs: number;
    readonly endNs: number;
    readonly medianNs: number;
  }[];
}

function summariseWindows(sent: SustainedLaunch['windows']): SeenWindows | undefined {
  const minutes = new Map<number, MergedHistogram>();
  const windows: { startNs: number; endNs: number; medianNs: number }[] = [];
  for (const { startNs, endNs, histogram: base64 } of sent) {
    const histogram = decodeHistogram(base64);
    if (!histogram) return undefined;
    windows.push({ startNs, endNs, medianNs: histogram.getValueAtPercentile(50) });
    for (const minute of sustainedMinutes.filter((candidate) => endsIn(endNs, candidate))) {
      const merged = minutes.get(minute) ?? build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 });
      merged.add(histogram as MergedHistogram);
      minutes.set(minute, merged);
    }
  }
  return { minutes, windows };
}

type MergedHistogram = ReturnType<typeof build>;

/** With a little patience for the last window of a minute. */
function endsIn(endNs: number, minute: number): boolean {
  return endNs > (minute - 1) * minuteNs && endNs <= minute * minuteNs * 1.02;
}

function minuteReading({ minutes }: SeenWindows, minute: number): Reading {
  const quantity = minuteQuantity(minute);
  const merged = minutes.get(minute);
  if (!merged) return unavailable(quantity, 'ns', `too-short: the run has no minute ${minute}`);
  const value = merged.getValueAtPercentile(50);
  const method = 'hdr-histogram-3-digits, windows merged';
  return available({ quantity, value, unit: 'ns', method, n: merged.totalCount });
}

function onsetReading({ minutes, windows }: SeenWindows): Reading {
  const quantity = 'sustained.onset';
  const first = minutes.get(1);
  if (!first) return unavailable(quantity, 'ns', 'too-short: the run has no first minute');
  const limitNs = first.getValueAtPercentile(50) * onsetFactor;
  const later = windows.filter(({ endNs }) => !endsIn(endNs, 1));
  const onset = later.find(
    ({ medianNs }, index) => medianNs > limitNs && (later[index + 1]?.medianNs ?? 0) > limitNs,
  );
  if (!onset) return unavailable(quantity, 'ns', 'no-onset: no two windows were slower by a tenth');
  const method = 'first of two windows with a median 10 % above the first minute';
  return available({ quantity, status: 'derived', value: onset.startNs, unit: 'ns', method });
}
