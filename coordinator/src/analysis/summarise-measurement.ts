import {
  type JudgedDevice,
  type JudgedSeries,
  judgeLaunches,
  judgeSeries,
} from '@qfleet/shared/launches/judge-series.ts';
import { launchReadings } from '@qfleet/shared/launches/launch-readings.ts';
import { readLaunches } from '@qfleet/shared/launches/read-launches.ts';
import { scenarioReadings } from '@qfleet/shared/launches/scenario-readings.ts';
import { randomFor } from '@qfleet/shared/random-for.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import type { MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import type { TimedLaunch } from '@qfleet/shared/verdict/timed-launch.ts';
import type { TimingVerdict } from '@qfleet/shared/verdict/timing-verdicts.ts';
import type { Layer } from '../artefacts/artefacts.ts';
import type { LayerUse } from './cell.ts';
import { type LatencyPoint, latencyCurve } from './latency-curve.ts';
import type { LaunchFigure } from './launch-figure.ts';
import { layerRoofline } from './layer-roofline.ts';
import { type OperatorProfile, readOperatorProfile } from './operator-profile.ts';
import { whyNoLaunches } from './why-none.ts';

/** What a runtime's profile of one variant says. */
export interface ProfiledVariant {
  readonly profile: OperatorProfile;
  readonly layers: readonly LayerUse[];
  /** Layers of the model for which no kernel of that name was found. */
  readonly unmatched: number;
}

/** What one variant's launches in one measure job come to, without their samples. */
export interface MeasuredVariant {
  readonly variantDigest: string;
  readonly launches: readonly LaunchFigure[];
  /** One sentence per launch that has no samples. */
  readonly failures: readonly string[];
  readonly series: JudgedSeries;
  readonly timing: TimingVerdict;
  /** Of the scenario and of its launches; empty where there are none, or on an emulated device. */
  readonly readings: readonly Reading[];
  readonly latencyCurve: readonly LatencyPoint[];
  /** Absent where the job recorded no profile of it, or it is gone. */
  readonly profiled?: ProfiledVariant;
}

/** A committed result of a measure job with what it is read against. */
export interface Measurement {
  readonly resultDigest: string;
  readonly facts: MeasureFacts;
  readonly scenario: string;
  readonly device: JudgedDevice & { readonly emulatedAs: string | undefined };
  /** What the device's probe found, and in which result. */
  readonly probe: { readonly readings: readonly Reading[]; readonly resultDigest: string | undefined };
  /** Of the run's plan: with the cell's id it seeds the intervals. */
  readonly seed: number;
  readonly cells: readonly MeasuredCell[];
}

export interface MeasuredCell {
  readonly id: string;
  readonly variantDigest: string;
  readonly batch: number;
  /** The file's layers, by whose names kernels are recognised. */
  readonly layers: readonly Layer[] | undefined;
}

/** Digests of the blobs that a summary is read from. */
export function blobsOfMeasurement({ facts }: Measurement): string[] {
  return [
    ...(facts.samplesBlob === undefined ? [] : [facts.samplesBlob]),
    ...facts.profiles.map(({ blob }) => blob),
  ];
}

/**
 * Summarises every variant of a measure job: the costly part of a report, milliseconds per variant, and a pure function
 * of the measurement and its blobs, so that it can be kept.
 */
export function summariseMeasurement(
  measurement: Measurement,
  blobs: ReadonlyMap<string, Uint8Array>,
): MeasuredVariant[] {
  const series = judgeSeries(measurement.facts, measurement.device, blobs);
  return measurement.cells.map((cell) => summarise(measurement, cell, series, blobs));
}

function summarise(
  measurement: Measurement,
  cell: MeasuredCell,
  series: JudgedSeries,
  blobs: ReadonlyMap<string, Uint8Array>,
): MeasuredVariant {
  const { facts, device } = measurement;
  const { variantDigest } = cell;
  const launches = readLaunches(facts, { variantDigest, series: series.chosen }, blobs);
  const whyNone = whyEmulated(device) ?? whyNoLaunches(launches);
  const profiled = readProfile(measurement, cell, blobs);
  return {
    variantDigest,
    launches: launches.completed.map(({ round, figureNs }) => ({ round, figureNs })),
    failures: launches.failures,
    series,
    timing: judgeLaunches(facts, { launches, whyNone }, device),
    readings: whyNone === undefined ? timingReadings(measurement, cell, launches.completed) : [],
    latencyCurve: whyNone === undefined ? latencyCurve(launches.completed) : [],
    ...(profiled && { profiled }),
  };
}

/** Why times of an emulated device mean nothing; undefined for others. */
export function whyEmulated({ emulatedBy, emulatedAs }: Measurement['device']): string | undefined {
  return emulatedBy === undefined ? undefined : `emulated: by ${emulatedBy} as ${emulatedAs}`;
}

function timingReadings(
  { facts, scenario, seed }: Measurement,
  { id }: MeasuredCell,
  launches: readonly TimedLaunch[],
): Reading[] {
  const randomOf = (quantity: string) => randomFor(seed, id, quantity);
  return [
    ...scenarioReadings({ scenario, load: facts.load, launches, randomOf }),
    ...launchReadings(launches, randomOf),
  ];
}

function readProfile(
  measurement: Measurement,
  cell: MeasuredCell,
  blobs: ReadonlyMap<string, Uint8Array>,
): ProfiledVariant | undefined {
  const { facts, device, probe } = measurement;
  const entry = facts.profiles.find(({ variantDigest }) => variantDigest === cell.variantDigest);
  const profile = entry && blobs.get(entry.blob);
  return (
    profile &&
    profileVariant({
      profile,
      cell,
      probe: probe.readings,
      threadsUsed: facts.threadsUsed,
      whyNoTime: whyEmulated(device),
    })
  );
}

/** Reads a profile by operator and by layer. */
export function profileVariant(options: {
  readonly profile: Uint8Array;
  readonly cell: Pick<MeasuredCell, 'batch' | 'layers'>;
  readonly probe: readonly Reading[];
  readonly threadsUsed: number | undefined;
  readonly whyNoTime: string | undefined;
}): ProfiledVariant {
  const { profile, cell, whyNoTime, ...rest } = options;
  const { layers, unmatched } = layerRoofline({ profile, ...cell, ...rest, whyNoTime });
  return { profile: readOperatorProfile(profile, whyNoTime), layers, unmatched };
}
