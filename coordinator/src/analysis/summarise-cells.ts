import { available } from '@qfleet/shared/available-reading.ts';
import { judgeLaunches } from '@qfleet/shared/launches/judge-series.ts';
import { launchReadingUnits } from '@qfleet/shared/launches/launch-readings.ts';
import { scenarioQuantities } from '@qfleet/shared/launches/scenario-readings.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { SpeedVerdict } from '@qfleet/shared/statistics/compare-launches.ts';
import type { TimingVerdict } from '@qfleet/shared/verdict/timing-verdicts.ts';
import { accuracyReadings, usableLabels } from './accuracy-readings.ts';
import type { Cell } from './cell.ts';
import { type CellEvidence, collectCells } from './collect-cells.ts';
import { counterReadings } from './counter-readings.ts';
import { accuracyLossReading, agreementReading, pairOutputs, sqnrReading } from './divergence-readings.ts';
import { energyReadings } from './energy-readings.ts';
import type { RunEvidence } from './evidence.ts';
import { findBadOutputs } from './find-bad-outputs.ts';
import { findProbes, type Probe } from './find-probes.ts';
import { findReferenceVariant } from './find-reference-variant.ts';
import { indexReadings } from './index-readings.ts';
import { countInputs, type InputCensus, judgeNumerics } from './judge-numerics.ts';
import type { LaunchFigure } from './launch-figure.ts';
import { cellId, judgedDevice, listMeasurements, measuredCell } from './list-measurements.ts';
import { missingProfile } from './operator-profile.ts';
import { placeId } from './place.ts';
import { type EvaluatedOutputs, readOutputs } from './read-outputs.ts';
import { rooflineReadings } from './roofline-readings.ts';
import { speedReading } from './speed-reading.ts';
import {
  type MeasuredVariant,
  type ProfiledVariant,
  profileVariant,
  summariseMeasurement,
  whyEmulated,
} from './summarise-measurement.ts';
import { sustainedReadings } from './sustained-readings.ts';
import { tensorBytes } from './tensor-bytes.ts';
import { whyNoClasses } from './why-no-classes.ts';
import { whyNoEvaluation, whyNoTiming } from './why-none.ts';

/** A cell with what comparisons between places still need of its evidence. */
export interface SummarisedCell {
  readonly cell: Cell;
  readonly evidence: CellEvidence;
  /** What the device's probe found. */
  readonly probe: readonly Reading[];
  /** Empty where the timing is unavailable, as when emulated. */
  readonly launches: readonly LaunchFigure[];
  readonly outputs: EvaluatedOutputs | undefined;
}

/** Everything of one cell that is read before it is compared with the reference variant. */
interface ReadCell {
  readonly evidence: CellEvidence;
  readonly id: string;
  /** What the device's probe found. */
  readonly probe: readonly Reading[];
  /** Absent where no job measured it, or none came to an end. */
  readonly measured: MeasuredVariant | undefined;
  readonly whyNoTiming: string | undefined;
  readonly outputs: EvaluatedOutputs | undefined;
  readonly whyNoOutputs: string;
}

/** Every cell of a run, whether or not its jobs came to an end. A pure function of the evidence. */
export function summariseCells(evidence: RunEvidence): SummarisedCell[] {
  const reference = findReferenceVariant(evidence.model, evidence.variants);
  const probes = findProbes(evidence);
  const collected = collectCells(evidence);
  const measured = readMeasured(collected, probes, evidence);
  const cells = collected.map((cell) =>
    readCell(cell, evidence, {
      probe: probes.get(cell.deviceId)?.readings ?? [],
      measured: measured.get(measuredKey(cell.measure?.resultDigest, cell.variantDigest)),
    }),
  );
  const inputs = countInputs(unique(cells.flatMap(({ outputs }) => (outputs ? [outputs.facts] : []))));
  const references = new Map(
    cells
      .filter((cell) => cell.evidence.variantDigest === reference?.digest)
      .map((cell) => [settingKey(cell), cell]),
  );
  return cells.map((cell) => {
    const isReference = cell.evidence.variantDigest === reference?.digest;
    return summarise({ evidence, cell, isReference, against: references.get(settingKey(cell)), inputs });
  });
}

/** Summaries of all measured variants: those that were kept, and the others from their blobs. */
function readMeasured(
  cells: readonly CellEvidence[],
  probes: ReadonlyMap<string, Probe>,
  evidence: RunEvidence,
): ReadonlyMap<string, MeasuredVariant> {
  return new Map(
    listMeasurements(cells, probes, evidence).flatMap((measurement) => {
      const { resultDigest } = measurement;
      const variants =
        evidence.measured?.get(resultDigest) ?? summariseMeasurement(measurement, evidence.blobs);
      return variants.map((variant) => [measuredKey(resultDigest, variant.variantDigest), variant] as const);
    }),
  );
}

function measuredKey(resultDigest: string | undefined, variantDigest: string): string {
  return `${resultDigest} ${variantDigest}`;
}

function readCell(
  cell: CellEvidence,
  evidence: RunEvidence,
  { probe, measured }: Pick<ReadCell, 'probe' | 'measured'>,
): ReadCell {
  const evaluated = cell.evaluation?.facts;
  const outputs =
    evaluated && readOutputs(evaluated, evidence.blobs, whyNoClasses(evaluated.outputs, evidence));
  const badOutputs = outputs && findBadOutputs(outputs, cell.evaluation?.job.spec.evaluate?.inputs?.count);
  const launches = { completed: measured?.launches ?? [], failures: measured?.failures ?? [] };
  return {
    evidence: cell,
    id: cellId(cell),
    probe,
    measured,
    whyNoTiming: whyEmulated(judgedDevice(cell.device)) ?? whyNoTiming(cell.measure, launches, evidence.run),
    outputs: badOutputs === undefined ? outputs : undefined,
    whyNoOutputs: badOutputs ?? whyNoEvaluation(cell.evaluation, evidence.run),
  };
}

/** Equal for the cells of all variants in one place, scenario and settings. */
function settingKey({ evidence }: ReadCell): string {
  const { deviceId, backendId, scenario, settingsDigest } = evidence;
  return [deviceId, backendId, scenario, settingsDigest].join('|');
}

interface SummariseOptions {
  readonly evidence: RunEvidence;
  readonly cell: ReadCell;
  readonly isReference: boolean;
  /** The fp32 variant's cell in the same place and with the same settings; itself for the reference. */
  readonly against: ReadCell | undefined;
  readonly inputs: InputCensus;
}

function summarise(options: SummariseOptions): SummarisedCell {
  const { evidence, cell, isReference } = options;
  const found = cell.evidence;
  const speed = speedOf(options);
  const profiled = profiledOf(evidence, cell);
  const profile = profiled?.profile ?? missingProfile(whyNoProfile(cell));
  const timing = timingReadings(cell);
  const counters = countersOf(cell);
  const readings: Reading[] = [
    sizeReading(found.variantSizeBytes),
    // A clock that was counted stands before one that the kernel reports.
    ...mergeReadings(timing, counters),
    ...sustainedReadings(
      found.measure?.facts?.sustainedLaunches?.find((launch) => launch.variantDigest === found.variantDigest),
    ),
    ...roofline(evidence, cell, [...timing, ...counters, ...profile.readings]),
    speed.reading,
    ...outputReadings(options),
    ...profile.readings,
  ];
  const summary: Cell = {
    id: cell.id,
    placeId: placeId(found.deviceId, found.backendId),
    deviceId: found.deviceId,
    deviceName: found.device?.name ?? found.deviceId,
    backend: { id: found.backendId, version: versionOf(found) },
    variant: { digest: found.variantDigest, name: found.variantName },
    isReference,
    scenario: found.scenario,
    settings: found.settings,
    settingsDigest: found.settingsDigest,
    ...(found.measure?.facts && { threadsUsed: found.measure.facts.threadsUsed }),
    launches: {
      planned: found.measure?.job.spec.measure?.launchesPerVariant ?? 0,
      completed: cell.measured?.launches.length ?? 0,
    },
    ...(speed.verdict && { speed: speed.verdict }),
    timing: judge(cell),
    ...(cell.measured &&
      cell.measured.series.tried.length > 1 && {
        series: { ...cell.measured.series, tried: [...cell.measured.series.tried] },
      }),
    numerics: judgeNumerics(cell.outputs && found.evaluation, {
      inputs: options.inputs,
      zeroInputs: inputsFedZeros(evidence.model),
      whyNone: cell.whyNoOutputs,
    }),
    readings: indexReadings(readings),
    latencyCurve: [...(cell.measured?.latencyCurve ?? [])],
    operators: [...profile.operators],
    layers: [...(profiled?.layers ?? [])],
    layersUnmatched: profiled?.unmatched ?? 0,
    results: [found.measure?.resultDigest, found.evaluation?.resultDigest].filter(
      (digest) => digest !== undefined,
    ),
  };
  return {
    cell: summary,
    evidence: found,
    probe: cell.probe,
    launches: cell.whyNoTiming === undefined ? (cell.measured?.launches ?? []) : [],
    outputs: cell.outputs,
  };
}

function judge({ evidence, measured, whyNoTiming: whyNone }: ReadCell): TimingVerdict {
  if (measured) return measured.timing;
  const none = { completed: [], failures: [] };
  return judgeLaunches(undefined, { launches: none, whyNone }, judgedDevice(evidence.device));
}

function sizeReading(sizeBytes: number): Reading {
  return available({ quantity: 'model.size', value: sizeBytes, unit: 'B', method: 'file-size' });
}

function timingReadings({ measured, whyNoTiming: reason }: ReadCell): readonly Reading[] {
  if (measured && reason === undefined) return measured.readings;
  return Object.entries({ ...scenarioQuantities, ...launchReadingUnits }).map(([quantity, unit]) =>
    unavailable(quantity, unit, reason ?? 'no-launches'),
  );
}

/** The readings of both; of a quantity that both have, the second's where it has a value. */
function mergeReadings(first: readonly Reading[], second: readonly Reading[]): Reading[] {
  const known = new Set(
    second.filter(({ status }) => status !== 'unavailable').map(({ quantity }) => quantity),
  );
  const names = new Set(first.map(({ quantity }) => quantity));
  return [
    ...first.filter(({ quantity }) => !known.has(quantity)),
    ...second.filter(({ quantity, status }) => status !== 'unavailable' || !names.has(quantity)),
  ];
}

function countersOf(cell: ReadCell): Reading[] {
  const { measure, variantDigest } = cell.evidence;
  const facts = measure?.facts;
  const launch = facts?.counterLaunches?.find((one) => one.variantDigest === variantDigest);
  const whyNone = facts ? undefined : (cell.whyNoTiming ?? 'not-planned');
  return [...counterReadings({ launch, whyNone, probe: cell.probe }), ...energyReadings(launch, whyNone)];
}

function roofline(evidence: RunEvidence, cell: ReadCell, readings: readonly Reading[]): Reading[] {
  const { evidence: found } = cell;
  const find = (quantity: string): Reading | undefined =>
    readings.find((reading) => reading.quantity === quantity);
  return rooflineReadings({
    // Latencies of other scenarios hold more than one inference, or waiting.
    latency: isOneInference(found.scenario)
      ? find('latency.p50')
      : unavailable('latency.p50', 'ns', `not-one-inference: a latency of ${found.scenario} holds more`),
    macs: evidence.model.macs,
    weightBytes: found.variantSizeBytes,
    inputOutputBytes: tensorBytes([...evidence.model.inputs, ...evidence.model.outputs]),
    batch: found.settings.batch,
    threadsUsed: found.measure?.facts?.threadsUsed,
    integerShare: find('operators.integer.share'),
    countedBytes: find('bytes.inference'),
    probe: cell.probe,
  });
}

function isOneInference(scenario: string): boolean {
  return scenario === 'single-stream' || scenario === 'offline';
}

/** Inputs of the model that no item of a dataset goes to. */
function inputsFedZeros({ inputs, contract }: RunEvidence['model']): string[] {
  const fed = contract.inputName || inputs[0]?.name;
  return inputs.map(({ name }) => name).filter((name) => name !== fed);
}

function speedOf(options: SummariseOptions): { reading: Reading; verdict: SpeedVerdict | undefined } {
  const { cell, against, isReference } = options;
  const why = isReference
    ? 'reference: the others are compared with this variant'
    : (cell.whyNoTiming ??
      (against ? against.whyNoTiming : 'no-reference: the run has no fp32 variant in this place'));
  if (why !== undefined || !against) {
    return { reading: unavailable('speedup', '1', why ?? 'no-reference'), verdict: undefined };
  }
  return speedReading({
    quantity: 'speedup',
    reference: against.measured?.launches ?? [],
    subject: cell.measured?.launches ?? [],
    sameJob: against.evidence.measure?.job.id === cell.evidence.measure?.job.id,
    isTrusted: judge(cell).verdict === 'trusted' && judge(against).verdict === 'trusted',
    limits: options.evidence.run.plan.timing,
  });
}

function outputReadings(options: SummariseOptions): Reading[] {
  const { evidence, cell, against, isReference } = options;
  const none = (reason: string): Reading[] => [
    unavailable('agreement.top1', '1', reason),
    unavailable('sqnr.output', 'dB', reason),
    unavailable('accuracy.loss', 'points', reason),
  ];
  if (!cell.outputs) {
    const accuracy = ['accuracy.top1', 'accuracy.top5'];
    return [...accuracy.map((id) => unavailable(id, '1', cell.whyNoOutputs)), ...none(cell.whyNoOutputs)];
  }
  const labels = usableLabels(cell.outputs, evidence.dataset, evidence.labels);
  const accuracy = accuracyReadings(cell.outputs, labels);
  if (isReference) return [...accuracy, ...none('reference: the others are compared with this variant')];
  if (!against?.outputs) {
    return [
      ...accuracy,
      ...none(`no-reference: ${against?.whyNoOutputs ?? 'no fp32 variant in this place'}`),
    ];
  }
  const pair = pairOutputs(cell.outputs, against.outputs);
  return [
    ...accuracy,
    agreementReading('agreement.top1', pair),
    sqnrReading('sqnr.output', pair),
    accuracyLossReading('accuracy.loss', pair, labels),
  ];
}

/** The profile of the measure job; where it recorded none, as on boards that are not timed, that of the evaluation. */
function profiledOf(evidence: RunEvidence, cell: ReadCell): ProfiledVariant | undefined {
  const { measure, evaluation, variantDigest, device } = cell.evidence;
  const isRecorded = measure?.facts?.profiles.some((entry) => entry.variantDigest === variantDigest);
  if (isRecorded) return cell.measured?.profiled;
  const profile = evidence.blobs.get(evaluation?.facts?.profile ?? '');
  return (
    profile &&
    profileVariant({
      profile,
      cell: measuredCell(cell.evidence, evidence),
      probe: cell.probe,
      threadsUsed: measure?.facts?.threadsUsed,
      whyNoTime: whyEmulated(judgedDevice(device)),
    })
  );
}

function whyNoProfile({ evidence: { measure }, whyNoTiming: reason }: ReadCell): string {
  return measure?.facts ? 'no-profile: the backend recorded none' : (reason ?? 'no-profile');
}

function versionOf(cell: CellEvidence): string {
  return (
    cell.measure?.facts?.backend.version ??
    cell.evaluation?.facts?.backend.version ??
    cell.device?.backends.find((backend) => backend.id === cell.backendId)?.version ??
    ''
  );
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}
