import { available } from '@qfleet/shared/available-reading.ts';
import {
  type JudgedDevice,
  type JudgedSeries,
  judgeLaunches,
  judgeSeries,
} from '@qfleet/shared/launches/judge-series.ts';
import { launchReadings, launchReadingUnits } from '@qfleet/shared/launches/launch-readings.ts';
import { type LaunchEvidence, readLaunches } from '@qfleet/shared/launches/read-launches.ts';
import { scenarioQuantities, scenarioReadings } from '@qfleet/shared/launches/scenario-readings.ts';
import { randomFor } from '@qfleet/shared/random-for.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { SpeedVerdict } from '@qfleet/shared/statistics/compare-launches.ts';
import type { TimingVerdict } from '@qfleet/shared/verdict/timing-verdicts.ts';
import type { Layer } from '../artefacts/artefacts.ts';
import { accuracyReadings, usableLabels } from './accuracy-readings.ts';
import type { Cell } from './cell.ts';
import { type CellEvidence, collectCells } from './collect-cells.ts';
import { counterReadings } from './counter-readings.ts';
import { accuracyLossReading, agreementReading, pairOutputs, sqnrReading } from './divergence-readings.ts';
import { energyReadings } from './energy-readings.ts';
import type { RunEvidence } from './evidence.ts';
import { findBadOutputs } from './find-bad-outputs.ts';
import { findProbe } from './find-probe.ts';
import { findReferenceVariant } from './find-reference-variant.ts';
import { indexReadings } from './index-readings.ts';
import { countInputs, type InputCensus, judgeNumerics } from './judge-numerics.ts';
import { latencyCurve } from './latency-curve.ts';
import { layerRoofline } from './layer-roofline.ts';
import { missingProfile, type OperatorProfile, readOperatorProfile } from './operator-profile.ts';
import { placeId } from './place.ts';
import { type EvaluatedOutputs, readOutputs } from './read-outputs.ts';
import { rooflineReadings } from './roofline-readings.ts';
import { speedReading } from './speed-reading.ts';
import { sustainedReadings } from './sustained-readings.ts';
import { tensorBytes } from './tensor-bytes.ts';
import { whyNoEvaluation, whyNoTiming } from './why-none.ts';

/** A cell with what comparisons between places still need of its evidence. */
export interface SummarisedCell {
  readonly cell: Cell;
  readonly evidence: CellEvidence;
  /** What the device's probe found. */
  readonly probe: readonly Reading[];
  /** Empty where the timing is unavailable, as when emulated. */
  readonly launches: LaunchEvidence['completed'];
  readonly outputs: EvaluatedOutputs | undefined;
}

/** Everything of one cell that is read before it is compared with the reference variant. */
interface ReadCell {
  readonly evidence: CellEvidence;
  readonly id: string;
  /** What the device's probe found. */
  readonly probe: readonly Reading[];
  readonly launches: LaunchEvidence;
  readonly series: JudgedSeries | undefined;
  readonly whyNoTiming: string | undefined;
  readonly outputs: EvaluatedOutputs | undefined;
  readonly whyNoOutputs: string;
}

/** Every cell of a run, whether or not its jobs came to an end. A pure function of the evidence. */
export function summariseCells(evidence: RunEvidence): SummarisedCell[] {
  const reference = findReferenceVariant(evidence.model, evidence.variants);
  const probes = new Map(evidence.run.deviceIds.map((id) => [id, readProbe(id, evidence)]));
  const cells = collectCells(evidence).map((cell) =>
    readCell(cell, evidence, probes.get(cell.deviceId) ?? readProbe(cell.deviceId, evidence)),
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

function readProbe(deviceId: string, evidence: RunEvidence): readonly Reading[] {
  const outcome = findProbe(deviceId, evidence)?.result.outcome;
  return outcome?.kind === 'probe' ? outcome.facts.readings : [];
}

function readCell(cell: CellEvidence, evidence: RunEvidence, probe: readonly Reading[]): ReadCell {
  const facts = cell.measure?.facts;
  const series = facts && judgeSeries(facts, judgedDevice(cell), evidence.blobs);
  const launches = facts
    ? readLaunches(facts, { variantDigest: cell.variantDigest, series: series?.chosen ?? 0 }, evidence.blobs)
    : { completed: [], failures: [] };
  const emulated = cell.device?.inventory?.emulated;
  const outputs = cell.evaluation?.facts && readOutputs(cell.evaluation.facts, evidence.blobs);
  const badOutputs = outputs && findBadOutputs(outputs, cell.evaluation?.job.spec.evaluate?.inputs?.count);
  return {
    evidence: cell,
    id: [
      placeId(cell.deviceId, cell.backendId),
      cell.variantName,
      cell.scenario,
      cell.settingsDigest.slice(0, 8),
    ].join('|'),
    probe,
    launches,
    series,
    whyNoTiming: emulated
      ? `emulated: by ${emulated.by} as ${emulated.cpu}`
      : whyNoTiming(cell.measure, launches, evidence.run),
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
  const profile = profileOf(evidence, cell);
  const timing = timingReadings(evidence, cell);
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
      completed: cell.launches.completed.length,
    },
    ...(speed.verdict && { speed: speed.verdict }),
    timing: judge(cell),
    ...(cell.series &&
      cell.series.tried.length > 1 && { series: { ...cell.series, tried: [...cell.series.tried] } }),
    numerics: judgeNumerics(cell.outputs && found.evaluation, options.inputs, cell.whyNoOutputs),
    readings: indexReadings(readings),
    latencyCurve: cell.whyNoTiming === undefined ? latencyCurve(cell.launches.completed) : [],
    operators: [...profile.operators],
    ...layersOf(evidence, cell),
    results: [found.measure?.resultDigest, found.evaluation?.resultDigest].filter(
      (digest) => digest !== undefined,
    ),
  };
  return {
    cell: summary,
    evidence: found,
    probe: cell.probe,
    launches: cell.whyNoTiming === undefined ? cell.launches.completed : [],
    outputs: cell.outputs,
  };
}

function judge({ evidence, launches, whyNoTiming: whyNone }: ReadCell): TimingVerdict {
  return judgeLaunches(evidence.measure?.facts, { launches, whyNone }, judgedDevice(evidence));
}

/** What the timing's verdict needs to know of the cell's device. */
function judgedDevice({ device }: CellEvidence): JudgedDevice {
  return {
    emulatedBy: device?.inventory?.emulated?.by,
    processors: device?.inventory?.cpu.processors,
  };
}

function sizeReading(sizeBytes: number): Reading {
  return available({ quantity: 'model.size', value: sizeBytes, unit: 'B', method: 'file-size' });
}

function timingReadings(evidence: RunEvidence, cell: ReadCell): Reading[] {
  const units = { ...scenarioQuantities, ...launchReadingUnits };
  const reason = cell.whyNoTiming;
  if (reason !== undefined) {
    return Object.entries(units).map(([quantity, unit]) => unavailable(quantity, unit, reason));
  }
  const randomOf = (quantity: string) => randomFor(evidence.run.plan.seed, cell.id, quantity);
  return [
    ...scenarioReadings({
      scenario: cell.evidence.scenario,
      load: cell.evidence.measure?.facts?.load,
      launches: cell.launches.completed,
      randomOf,
    }),
    ...launchReadings(cell.launches.completed, randomOf),
  ];
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
    reference: against.launches.completed,
    subject: cell.launches.completed,
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

function profileBytes(
  evidence: RunEvidence,
  { evidence: { measure, evaluation, variantDigest } }: ReadCell,
): Uint8Array | undefined {
  const profile = measure?.facts?.profiles.find((entry) => entry.variantDigest === variantDigest);
  const blob = profile?.blob ?? evaluation?.facts?.profile;
  return blob === undefined ? undefined : evidence.blobs.get(blob);
}

function layersOf(evidence: RunEvidence, cell: ReadCell): Pick<Cell, 'layers' | 'layersUnmatched'> {
  const profile = profileBytes(evidence, cell);
  if (!profile) return { layers: [], layersUnmatched: 0 };
  const { device, settings, measure } = cell.evidence;
  const emulated = device?.inventory?.emulated;
  const { layers, unmatched } = layerRoofline({
    profile,
    layers: ownLayers(evidence, cell.evidence.variantDigest) ?? evidence.model.layers,
    batch: settings.batch,
    threadsUsed: measure?.facts?.threadsUsed,
    probe: cell.probe,
    whyNoTime: emulated && `emulated: by ${emulated.by} as ${emulated.cpu}`,
  });
  return { layers, layersUnmatched: unmatched };
}

/** Of a file made elsewhere: its operators may bear other names than the model's. */
function ownLayers(evidence: RunEvidence, digest: string): readonly Layer[] | undefined {
  return evidence.variants.find((variant) => variant.digest === digest)?.record.layers;
}

function profileOf(evidence: RunEvidence, cell: ReadCell): OperatorProfile {
  const { measure, device } = cell.evidence;
  const bytes = profileBytes(evidence, cell);
  if (!bytes) {
    return missingProfile(
      measure?.facts ? 'no-profile: the backend recorded none' : (cell.whyNoTiming ?? 'no-profile'),
    );
  }
  const emulated = device?.inventory?.emulated;
  return readOperatorProfile(bytes, emulated && `emulated: by ${emulated.by} as ${emulated.cpu}`);
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
