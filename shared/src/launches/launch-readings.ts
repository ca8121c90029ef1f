import { available } from '../available-reading.ts';
import type { Random } from '../random.ts';
import { type Reading, unavailable } from '../reading.ts';
import type { Launch } from '../result/job-result.ts';
import { isPlausible } from '../verdict/is-plausible.ts';
import type { TimedLaunch } from '../verdict/timed-launch.ts';
import { launchMedianReading } from './latency-readings.ts';

/** Quantities that a launch has once, with their units and where they lie. */
const launchQuantities: readonly {
  readonly quantity: string;
  readonly unit: string;
  readonly read: (launch: Launch) => number | undefined;
}[] = [
  { quantity: 'cold.load', unit: 'ns', read: (launch) => launch.backendLoadNs },
  { quantity: 'cold.create', unit: 'ns', read: (launch) => launch.createNs },
  { quantity: 'cold.first', unit: 'ns', read: (launch) => launch.firstInferenceNs },
  { quantity: 'memory.peak', unit: 'B', read: (launch) => launch.peakMemoryBytes },
  { quantity: 'cpu.inference', unit: 'ns', read: cpuPerSample },
];

/** Where queries are waited for, the waiting spins: that time is nobody's inference. */
function cpuPerSample({
  cpuTimeNs,
  timedCount,
  timedSamples,
  rateTrials,
  offeredFrames,
}: Launch): number | undefined {
  if (rateTrials !== undefined || offeredFrames !== undefined) return undefined;
  const samples = timedSamples ?? timedCount;
  return cpuTimeNs === undefined || !samples ? undefined : cpuTimeNs / samples;
}

/** A sensor that says more than 1000 °C is broken. */
const maxTemperatureMilliC = 1e6;

const environmentQuantities = { 'temperature.max': 'milliC', 'frequency.actual': 'Hz' } as const;

/** Units by quantity, of everything that this file gives. */
export const launchReadingUnits: Readonly<Record<string, string>> = {
  ...Object.fromEntries(launchQuantities.map(({ quantity, unit }) => [quantity, unit])),
  ...environmentQuantities,
};

/**
 * Cold start (`cold.load`: the backend's library; `cold.create`: variant read and session made; `cold.first`:
 * first inference), peak memory of the runner process, and processor time per sample: medians over launches.
 * `temperature.max` and `frequency.actual` from the environments around the launches, where the device has them.
 */
export function launchReadings(
  launches: readonly TimedLaunch[],
  randomOf: (quantity: string) => Random,
): Reading[] {
  const perLaunch = launchQuantities.map(({ quantity, unit, read }) =>
    launchMedianReading({
      quantity,
      unit,
      values: launches.map(({ launch }) => read(launch)).filter(isPlausible),
      random: randomOf(quantity),
    }),
  );
  return [
    ...perLaunch,
    temperatureReading(launches),
    frequencyReading(launches, randomOf('frequency.actual')),
  ];
}

function temperatureReading(launches: readonly TimedLaunch[]): Reading {
  const values = launches
    .flatMap(({ launch }) => [launch.environmentBefore, launch.environmentAfter])
    .map((environment) => environment?.temperatureMilliC)
    .filter((value) => value !== undefined)
    .filter((value) => Math.abs(value) <= maxTemperatureMilliC);
  if (values.length === 0)
    return unavailable('temperature.max', 'milliC', 'not-present: no thermal sensor read');
  return available({
    quantity: 'temperature.max',
    value: Math.max(...values),
    unit: 'milliC',
    method: 'max-around-launches',
    n: values.length,
  });
}

function frequencyReading(launches: readonly TimedLaunch[], random: Random): Reading {
  const values = launches.map(({ launch }) => launch.environmentAfter?.frequencyHz).filter(isPlausible);
  if (values.length === 0) {
    return unavailable('frequency.actual', 'Hz', 'not-present: the kernel reports no frequency');
  }
  return launchMedianReading({ quantity: 'frequency.actual', unit: 'Hz', values, random });
}
