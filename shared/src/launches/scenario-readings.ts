import { available } from '../available-reading.ts';
import { estimatePercentile } from '../loadgen/early-stopping.ts';
import type { Random } from '../random.ts';
import { type Reading, unavailable } from '../reading.ts';
import type { MeasureFacts } from '../result/job-result.ts';
import type { TimedLaunch } from '../verdict/timed-launch.ts';
import { latencyReadings, launchMedianReading } from './latency-readings.ts';

type Load = NonNullable<MeasureFacts['load']>;

/** What the readings of a cell's scenario are read from. */
export interface ScenarioEvidence {
  readonly scenario: string;
  /** Absent: single-stream, one sample a query. */
  readonly load: Load | undefined;
  readonly launches: readonly TimedLaunch[];
  readonly randomOf: (quantity: string) => Random;
}

/** Units by quantity, of everything that a scenario may have; each scenario has some of them. */
export const scenarioQuantities: Readonly<Record<string, string>> = {
  'latency.p50': 'ns',
  'latency.p90': 'ns',
  'latency.p99': 'ns',
  'latency.p99.9': 'ns',
  'latency.mean': 'ns',
  throughput: '1/s',
};

/**
 * What the timed loop says, by the scenario's own meaning of a latency: of one inference (single-stream, offline), of
 * a query of several samples (multi-stream), from the scheduled arrival (server, fixed-rate). Besides:
 * single-stream and multi-stream have LoadGen's early-stopping estimate of their percentile (`latency.p90.early-stopping`,
 * `latency.p99.early-stopping`) over the queries of all launches; server has `rate.max`, the highest rate of Poisson
 * arrivals at which the percentile keeps the bound; fixed-rate has `frames.dropped.share`. `throughput` is samples
 * per second.
 */
export function scenarioReadings(evidence: ScenarioEvidence): Reading[] {
  const { scenario, launches, randomOf, load } = evidence;
  const latencies = latencyReadings(launches, randomOf).map((reading) => describe(reading, evidence));
  switch (scenario) {
    case 'single-stream':
      return [...latencies, earlyStopping(launches, 0.9)];
    case 'multi-stream':
      return [...withoutThroughput(latencies), sampleThroughput(evidence), earlyStopping(launches, 0.99)];
    case 'offline':
      return [...withoutThroughput(latencies), sampleThroughput(evidence)];
    case 'server':
      return [...withoutThroughput(latencies), rateReading(evidence, load)];
    case 'fixed-rate':
      return [...withoutThroughput(latencies), sampleThroughput(evidence), droppedReading(evidence)];
    default:
      return latencies;
  }
}

const meanings: Readonly<Record<string, (load: Load | undefined) => string>> = {
  'multi-stream': (load) => `query-of-${load?.samplesPerQuery ?? 1}`,
  server: () => 'from-scheduled-arrival',
  'fixed-rate': () => 'from-frame-arrival',
};

/** A latency of another meaning is another method, so that the two are not compared. */
function describe(reading: Reading, { scenario, load }: ScenarioEvidence): Reading {
  const meaning = meanings[scenario];
  if (!meaning || reading.status === 'unavailable') return reading;
  return { ...reading, method: `${reading.method}: ${meaning(load)}` };
}

function withoutThroughput(readings: readonly Reading[]): Reading[] {
  return readings.filter(({ quantity }) => quantity !== 'throughput');
}

function sampleThroughput({ scenario, launches, randomOf }: ScenarioEvidence): Reading {
  const values = launches.flatMap(({ launch: { timedSamples, timedWallNs } }) =>
    timedSamples && timedWallNs ? [(timedSamples / timedWallNs) * 1e9] : [],
  );
  const quantity = 'throughput';
  const reading = launchMedianReading({ quantity, unit: '1/s', values, random: randomOf(quantity) });
  if (reading.status === 'unavailable') return reading;
  return { ...reading, status: 'derived', method: `${scenario}: samples / wall time, ${reading.method}` };
}

function rateReading({ launches, randomOf }: ScenarioEvidence, load: Load | undefined): Reading {
  const quantity = 'rate.max';
  const values = launches.map(({ figureNs }) => 1e9 / figureNs);
  const reading = launchMedianReading({ quantity, unit: '1/s', values, random: randomOf(quantity) });
  if (reading.status === 'unavailable' || !load) return reading;
  const bound = `p${load.percentile * 100} within ${load.latencyBoundNs / 1e6} ms`;
  const how = load.targetRatePerSec > 0 ? 'the rate asked for kept' : 'highest rate that kept';
  return { ...reading, method: `${how} ${bound}, LoadGen early stopping; ${reading.method}` };
}

function droppedReading({ launches }: ScenarioEvidence): Reading {
  const quantity = 'frames.dropped.share';
  const sum = (of: (launch: TimedLaunch['launch']) => number | undefined): number =>
    launches.reduce((total, { launch }) => total + (of(launch) ?? 0), 0);
  const offered = sum(({ offeredFrames }) => offeredFrames);
  if (offered === 0) return unavailable(quantity, '1', 'not-reported: no launch says how many frames came');
  const dropped = sum(({ droppedFrames }) => droppedFrames);
  return available({
    quantity,
    value: dropped / offered,
    unit: '1',
    method: 'dropped-over-offered',
    n: offered,
  });
}

/** LoadGen judges one run; here the queries of all launches, each from the steady state, are that run. */
function earlyStopping(launches: readonly TimedLaunch[], percentile: 0.9 | 0.99): Reading {
  const quantity = `latency.p${percentile * 100}.early-stopping`;
  const sorted = Float64Array.from(launches.flatMap(({ samplesNs }) => [...samplesNs])).sort();
  const estimate = estimatePercentile(sorted, percentile);
  if (!estimate.available) return unavailable(quantity, 'ns', estimate.reason);
  return available({
    quantity,
    status: 'derived',
    value: estimate.valueNs,
    unit: 'ns',
    method: 'loadgen-early-stopping-pooled-over-launches',
    n: sorted.length,
  });
}
