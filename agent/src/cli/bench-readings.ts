import { createRandom } from '@qfleet/shared/random.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { Launch, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import { bootstrapInterval } from '@qfleet/shared/statistics/bootstrap-interval.ts';
import { minLaunchesToJudge } from '@qfleet/shared/statistics/compare-launches.ts';
import { mean } from '@qfleet/shared/statistics/mean.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { percentile } from '@qfleet/shared/statistics/percentile.ts';

/** Seeds the intervals' resampling: equal samples give equal intervals. */
const intervalSeed = 1;

interface Timed {
  readonly launch: Launch;
  readonly samplesNs: Float64Array;
}

/**
 * What a measurement of one variant says, by the same quantities and methods as a report: p50 is the median of
 * the launches' medians, p90 and p99 pool all launches, intervals resample launches.
 */
export function benchReadings(
  facts: MeasureFacts,
  samples: Float64Array,
  { sizeBytes, isEmulated }: { readonly sizeBytes: number; readonly isEmulated: boolean },
): Reading[] {
  const timed = facts.launches.flatMap((launch) => timedLaunch(launch, samples));
  const size: Reading = {
    quantity: 'model.size',
    status: 'measured',
    value: sizeBytes,
    unit: 'B',
    method: 'file-size',
  };
  const memory = overLaunches(
    { quantity: 'memory.peak', unit: 'B' },
    timed.map(({ launch }) => launch.peakMemoryBytes),
  );
  if (isEmulated)
    return [
      ...durationQuantities.map(([quantity, unit]) => unavailable(quantity, unit, 'emulated')),
      memory,
      size,
    ];
  return [...latencyReadings(timed), ...coldReadings(timed), memory, size];
}

const durationQuantities = [
  ['latency.p50', 'ns'],
  ['latency.p90', 'ns'],
  ['latency.p99', 'ns'],
  ['latency.mean', 'ns'],
  ['throughput', '1/s'],
  ['cold.load', 'ns'],
  ['cold.create', 'ns'],
  ['cold.first', 'ns'],
] as const;

function timedLaunch(launch: Launch, samples: Float64Array): Timed[] {
  const { sampleOffset, warmupCount, timedCount } = launch;
  if (sampleOffset === undefined || warmupCount === undefined || !timedCount) return [];
  const from = sampleOffset + warmupCount;
  return [{ launch, samplesNs: samples.subarray(from, from + timedCount) }];
}

function latencyReadings(timed: readonly Timed[]): Reading[] {
  const medians = timed.map(({ samplesNs }) => median(samplesNs));
  const means = timed.map(({ samplesNs }) => mean(samplesNs));
  const pooled = Float64Array.from(timed.flatMap(({ samplesNs }) => [...samplesNs])).sort();
  const meanNs = mean(means);
  return [
    {
      quantity: 'latency.p50',
      status: 'measured',
      value: median(medians),
      unit: 'ns',
      method: 'median-of-launch-medians',
      n: timed.length,
      ...intervalOver(medians, median),
    },
    pooledReading('latency.p90', 0.9, pooled),
    pooledReading('latency.p99', 0.99, pooled),
    {
      quantity: 'latency.mean',
      status: 'measured',
      value: meanNs,
      unit: 'ns',
      method: 'mean-of-launch-means',
      n: timed.length,
      ...intervalOver(means, mean),
    },
    {
      quantity: 'throughput',
      status: 'derived',
      value: 1e9 / meanNs,
      unit: '1/s',
      method: 'single-stream: 1 / latency.mean',
      n: timed.length,
    },
  ];
}

function coldReadings(timed: readonly Timed[]): Reading[] {
  const launches = timed.map(({ launch }) => launch);
  return [
    overLaunches(
      { quantity: 'cold.load', unit: 'ns' },
      launches.map(({ backendLoadNs }) => backendLoadNs),
    ),
    overLaunches(
      { quantity: 'cold.create', unit: 'ns' },
      launches.map(({ createNs }) => createNs),
    ),
    overLaunches(
      { quantity: 'cold.first', unit: 'ns' },
      launches.map(({ firstInferenceNs }) => firstInferenceNs),
    ),
  ];
}

function pooledReading(quantity: string, p: number, pooled: Float64Array): Reading {
  const found = percentile(pooled, p);
  if (!found.available) return unavailable(quantity, 'ns', found.reason);
  const method = 'nearest-rank-pooled-over-launches';
  return { quantity, status: 'measured', value: found.value, unit: 'ns', method, n: pooled.length };
}

function overLaunches(
  { quantity, unit }: { readonly quantity: string; readonly unit: string },
  found: readonly (number | undefined)[],
): Reading {
  const values = found.filter((value) => value !== undefined);
  if (values.length === 0) return unavailable(quantity, unit, 'not-reported: no launch reported it');
  const n = values.length;
  return {
    quantity,
    status: 'measured',
    value: median(values),
    unit,
    method: 'median-over-launches',
    n,
    ...intervalOver(values, median),
  };
}

function intervalOver(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
): { interval?: { low: number; high: number; method: string } } {
  if (values.length < minLaunchesToJudge) return {};
  const interval = bootstrapInterval({
    groupSizes: [values.length],
    statistic: ([drawn]) => statistic([...(drawn ?? [])].map((index) => values[index]!)),
    random: createRandom(intervalSeed),
  });
  return interval ? { interval } : {};
}
