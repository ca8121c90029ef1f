import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { SustainedLaunch } from '@qfleet/shared/result/job-result.ts';
import { build, decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';

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
  const windows = reason === undefined ? decodeWindows(launch) : undefined;
  if (!windows) {
    const why = reason ?? 'bad-evidence: a histogram that is none';
    return [
      ...sustainedMinutes.map((minute) => unavailable(minuteQuantity(minute), 'ns', why)),
      unavailable('sustained.onset', 'ns', why),
    ];
  }
  return [...sustainedMinutes.map((minute) => minuteReading(windows, minute)), onsetReading(windows)];
}

function minuteQuantity(minute: number): string {
  return `sustained.p50.minute-${minute}`;
}

interface DecodedWindow {
  readonly startNs: number;
  readonly endNs: number;
  readonly histogram: Histogram;
}

function decodeWindows({ windows }: SustainedLaunch): DecodedWindow[] | undefined {
  try {
    return windows.map(({ startNs, endNs, histogram }) => ({
      startNs,
      endNs,
      histogram: decodeFromCompressedBase64(histogram),
    }));
  } catch {
    return undefined;
  }
}

function minuteReading(windows: readonly DecodedWindow[], minute: number): Reading {
  const quantity = minuteQuantity(minute);
  const within = windows.filter(
    ({ endNs }) => endNs > (minute - 1) * minuteNs && endNs <= minute * minuteNs * 1.02,
  );
  if (within.length === 0) return unavailable(quantity, 'ns', `too-short: the run has no minute ${minute}`);
  const value = medianOf(within);
  const n = within.reduce((sum, { histogram }) => sum + histogram.totalCount, 0);
  return available({ quantity, value, unit: 'ns', method: 'hdr-histogram-3-digits, windows merged', n });
}

function onsetReading(windows: readonly DecodedWindow[]): Reading {
  const quantity = 'sustained.onset';
  const first = windows.filter(({ endNs }) => endNs <= minuteNs * 1.02);
  if (first.length === 0) return unavailable(quantity, 'ns', 'too-short: the run has no first minute');
  const limitNs = medianOf(first) * onsetFactor;
  const later = windows.slice(first.length);
  const isSlow = (window: DecodedWindow | undefined): boolean =>
    window !== undefined && window.histogram.getValueAtPercentile(50) > limitNs;
  const onset = later.find((window, index) => isSlow(window) && isSlow(later[index + 1]));
  if (!onset) return unavailable(quantity, 'ns', 'no-onset: no two windows were slower by a tenth');
  const method = 'first of two windows with a median 10 % above the first minute';
  return available({ quantity, status: 'derived', value: onset.startNs, unit: 'ns', method });
}

function medianOf(windows: readonly DecodedWindow[]): number {
  const merged = build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 });
  for (const { histogram } of windows) merged.add(histogram as typeof merged);
  return merged.getValueAtPercentile(50);
}
