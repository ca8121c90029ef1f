import { available } from '../available-reading.ts';
import type { Random } from '../random.ts';
import { type Reading, unavailable } from '../reading.ts';
import { bootstrapInterval } from '../statistics/bootstrap-interval.ts';
import { minLaunchesToJudge } from '../statistics/compare-launches.ts';
import type { Interval } from '../statistics/interval.ts';
import { mean } from '../statistics/mean.ts';
import { median } from '../statistics/median.ts';
import { percentile } from '../statistics/percentile.ts';
import { type PooledSamples, poolSamples, weightedPercentile } from '../statistics/pooled-percentile.ts';
import type { TimedLaunch } from '../verdict/timed-launch.ts';

/**
 * Latency of one inference (service time, closed loop), nanoseconds, and what follows from it.
 * p50: the median of the launches' medians, so that a launch counts once however many samples it has.
 * p90, p99, p99.9: nearest rank over the samples of all launches pooled; unavailable where those are too few.
 * mean: of the launches' means. throughput: inferences per second of one stream, 1/mean.
 * Every interval resamples launches; under six launches there is none, for none of 95 % exists for a median.
 */
export function latencyReadings(
  launches: readonly TimedLaunch[],
  randomOf: (quantity: string) => Random,
): Reading[] {
  const pool = poolSamples(launches.map((launch) => launch.samplesNs));
  const mediansNs = launches.map((launch) => median(launch.samplesNs));
  const meansNs = launches.map((launch) => mean(launch.samplesNs));
  const meanInterval = intervalOf(meansNs, mean, randomOf('latency.mean'));
  const meanNs = mean(meansNs);
  const source = launches.find(({ launch }) => launch.latencySource !== undefined)?.launch.latencySource;
  const by = source === undefined ? '' : `, ${source}`;
  return [
    available({
      quantity: 'latency.p50',
      value: median(mediansNs),
      unit: 'ns',
      method: `median-of-launch-medians${by}`,
      interval: intervalOf(mediansNs, median, randomOf('latency.p50')),
      n: launches.length,
    }),
    percentileReading('latency.p90', 0.9, pool, launches.length, randomOf('latency.p90')),
    percentileReading('latency.p99', 0.99, pool, launches.length, randomOf('latency.p99')),
    percentileReading('latency.p99.9', 0.999, pool, launches.length, randomOf('latency.p99.9')),
    available({
      quantity: 'latency.mean',
      value: meanNs,
      unit: 'ns',
      method: `mean-of-launch-means${by}`,
      interval: meanInterval,
      n: launches.length,
    }),
    available({
      quantity: 'throughput',
      status: 'derived',
      value: 1e9 / meanNs,
      unit: '1/s',
      method: 'single-stream: 1 / latency.mean',
      interval: meanInterval && {
        low: 1e9 / meanInterval.high,
        high: 1e9 / meanInterval.low,
        method: meanInterval.method,
      },
      n: launches.length,
    }),
  ];
}

/** The median over launches of a quantity that each launch has once, with an interval that resamples launches. */
export function launchMedianReading(options: {
  readonly quantity: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly random: Random;
}): Reading {
  const { quantity, unit, values, random } = options;
  if (values.length === 0) return unavailable(quantity, unit, 'not-reported: no launch reported it');
  return available({
    quantity,
    value: median(values),
    unit,
    method: 'median-over-launches',
    interval: intervalOf(values, median, random),
    n: values.length,
  });
}

function percentileReading(
  quantity: string,
  p: number,
  pool: PooledSamples,
  launches: number,
  random: Random,
): Reading {
  const result = percentile(pool.values, p);
  if (!result.available) return unavailable(quantity, 'ns', result.reason);
  const interval =
    launches < minLaunchesToJudge
      ? undefined
      : bootstrapInterval({
          groupSizes: [launches],
          statistic: ([drawn]) => weightedPercentile(pool, countDraws(drawn!, launches), p),
          random,
        });
  return available({
    quantity,
    value: result.value,
    unit: 'ns',
    method: 'nearest-rank-pooled-over-launches',
    interval,
    n: pool.values.length,
  });
}

function intervalOf(
  values: readonly number[],
  statistic: (values: ArrayLike<number>) => number,
  random: Random,
): Interval | undefined {
  if (values.length < minLaunchesToJudge) return undefined;
  const drawnValues = new Float64Array(values.length);
  return bootstrapInterval({
    groupSizes: [values.length],
    statistic: ([drawn]) => {
      for (let i = 0; i < drawnValues.length; i++) drawnValues[i] = values[drawn![i]!]!;
      return statistic(drawnValues);
    },
    random,
  });
}

function countDraws(drawn: Uint32Array, launches: number): Uint32Array {
  const counts = new Uint32Array(launches);
  for (const index of drawn) counts[index]!++;
  return counts;
}
