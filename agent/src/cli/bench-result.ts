import { available } from '@qfleet/shared/available-reading.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import {
  type JudgedDevice,
  type JudgedSeries,
  judgeLaunches,
  judgeSeries,
} from '@qfleet/shared/launches/judge-series.ts';
import { launchReadings, launchReadingUnits } from '@qfleet/shared/launches/launch-readings.ts';
import { readLaunches } from '@qfleet/shared/launches/read-launches.ts';
import { scenarioQuantities, scenarioReadings } from '@qfleet/shared/launches/scenario-readings.ts';
import { randomFor } from '@qfleet/shared/random-for.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { CounterLaunch, MeasureFacts, SustainedLaunch } from '@qfleet/shared/result/job-result.ts';
import type { TimingVerdict } from '@qfleet/shared/verdict/timing-verdicts.ts';

/** What `bench` tells of one variant. */
export interface BenchResult {
  readonly scenario: string;
  /** Dimensions of the random inputs as they were fed, by name; absent where no launch came that far. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  readonly timing: TimingVerdict;
  /** Where all launches were made more than once. */
  readonly series?: JudgedSeries;
  readonly readings: readonly Reading[];
  /** As counted; what they mean for bandwidth is told by a report, which knows the device's probe. */
  readonly counters?: CounterLaunch;
  readonly sustained?: SustainedLaunch;
}

/** Seeds the intervals' resampling: equal samples give equal intervals. */
const intervalSeed = 1;

/** The result of a measurement of one variant, by the same quantities, methods and verdicts as a report's. */
export function describeBench(options: {
  readonly job: Job__Output;
  readonly facts: MeasureFacts;
  readonly samples: ReadonlyMap<string, Uint8Array>;
  readonly sizeBytes: number;
  readonly device: JudgedDevice;
}): BenchResult {
  const { facts, samples, device } = options;
  const variantDigest = options.job.measure?.variants[0]?.digest ?? '';
  const series = judgeSeries(facts, device, samples);
  const launches = readLaunches(facts, { variantDigest, series: series.chosen }, samples);
  const size = available({
    quantity: 'model.size',
    value: options.sizeBytes,
    unit: 'B',
    method: 'file-size',
  });
  const why = device.emulatedBy === undefined ? launches.failures[0] : 'emulated';
  const isTimed = device.emulatedBy === undefined && launches.completed.length > 0;
  const inputShapes = facts.launches.find((launch) => launch.inputShapes)?.inputShapes;
  const [counters] = facts.counterLaunches ?? [];
  const [sustained] = facts.sustainedLaunches ?? [];
  return {
    scenario: facts.scenario,
    ...(inputShapes && { inputShapes }),
    timing: judgeLaunches(facts, { launches, whyNone: why }, device),
    ...(series.tried.length > 1 && { series }),
    readings: [...(isTimed ? timed(facts, launches.completed) : untimed(why ?? 'no-launches')), size],
    ...(counters && { counters }),
    ...(sustained && { sustained }),
  };
}

function timed(facts: MeasureFacts, launches: Parameters<typeof launchReadings>[0]): Reading[] {
  const randomOf = (quantity: string) => randomFor(intervalSeed, quantity);
  const { scenario, load } = facts;
  return [...scenarioReadings({ scenario, load, launches, randomOf }), ...launchReadings(launches, randomOf)];
}

function untimed(reason: string): Reading[] {
  return Object.entries({ ...scenarioQuantities, ...launchReadingUnits }).map(([quantity, unit]) =>
    unavailable(quantity, unit, reason),
  );
}
