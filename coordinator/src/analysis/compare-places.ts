import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { clopperPearson } from '@qfleet/shared/statistics/clopper-pearson.ts';
import type { SpeedVerdict } from '@qfleet/shared/statistics/compare-launches.ts';
import { holm } from '@qfleet/shared/statistics/holm.ts';
import { mcnemar } from '@qfleet/shared/statistics/mcnemar.ts';
import { usableLabels } from './accuracy-readings.ts';
import type { PlaceComparison } from './comparison.ts';
import { describeFlips, type Flips } from './describe-flips.ts';
import {
  accuracyLossReading,
  countRight,
  findFlips,
  type OutputPair,
  pairOutputs,
  sqnrReading,
} from './divergence-readings.ts';
import type { RunEvidence } from './evidence.ts';
import { explainInt8 } from './explain-int8.ts';
import { indexReadings } from './index-readings.ts';
import { judgeTransfer } from './judge-transfer.ts';
import type { Place } from './place.ts';
import { type Kernels, predictNumerics, roundingDb } from './predict-numerics.ts';
import { speedReading } from './speed-reading.ts';
import type { SummarisedCell } from './summarise-cells.ts';
import { whyUntimed } from './why-none.ts';

/** SQNR between places from which they differ only by the order of float32 sums. */
const floatNoiseDb = 100;
/** SQNR between places below which saturation or another kernel is the likely cause. */
const investigateDb = 25;

/**
 * Every variant in every place against the same variant in the reference place, at equal scenario and settings:
 * `transfer.latency.ratio` (reference time over this place's, launches of both resampled),
 * `transfer.accuracy.difference` (points lost here, paired over the common inputs), `transfer.sqnr.output`,
 * `transfer.flips.top1` (share of inputs whose best class differs) and, for a quantized variant,
 * `transfer.flips.top1.variant`: those among them for which the fp32 variant's answers agree, so that the flip
 * is the quantized variant's own.
 */
export function comparePlaces(
  evidence: RunEvidence,
  cells: readonly SummarisedCell[],
  places: readonly Place[],
): PlaceComparison[] {
  const referencePlace = places.find((place) => place.isReference);
  if (!referencePlace) return [];
  const byKey = new Map(
    cells.map((one) => [counterpartKey(one, one.cell.placeId, one.cell.variant.digest), one]),
  );
  const floatDigest = cells.find(({ cell }) => cell.isReference)?.cell.variant.digest;
  const comparisons = cells
    .filter(({ cell }) => cell.placeId !== referencePlace.id)
    .map((subject) => {
      const find = (place: string, variantDigest: string | undefined): SummarisedCell | undefined =>
        variantDigest === undefined ? undefined : byKey.get(counterpartKey(subject, place, variantDigest));
      return compare({
        evidence,
        subject,
        reference: find(referencePlace.id, subject.cell.variant.digest),
        floatHere: find(subject.cell.placeId, floatDigest),
        floatThere: find(referencePlace.id, floatDigest),
        referencePlaceId: referencePlace.id,
      });
    });
  return adjustTests(comparisons);
}

/** Several tests in one report are several chances of a false alarm; scenarios share the outputs, and so the test. */
function adjustTests(comparisons: readonly PlaceComparison[]): PlaceComparison[] {
  const keyOf = ({ placeId, variant }: PlaceComparison): string => `${placeId} ${variant.digest}`;
  const tests = new Map(comparisons.flatMap((one) => (one.mcnemar ? [[keyOf(one), one.mcnemar.p]] : [])));
  const adjusted = holm([...tests.values()]);
  const byKey = new Map([...tests.keys()].map((key, i) => [key, adjusted[i]!]));
  return comparisons.map((one) =>
    one.mcnemar ? { ...one, mcnemar: { ...one.mcnemar, adjustedP: byKey.get(keyOf(one))! } } : one,
  );
}

interface CompareOptions {
  readonly evidence: RunEvidence;
  readonly subject: SummarisedCell;
  /** The same variant in the reference place. */
  readonly reference: SummarisedCell | undefined;
  /** The fp32 variant in the subject's place, and in the reference place. */
  readonly floatHere: SummarisedCell | undefined;
  readonly floatThere: SummarisedCell | undefined;
  readonly referencePlaceId: string;
}

function compare(options: CompareOptions): PlaceComparison {
  const { subject, reference, referencePlaceId } = options;
  const pair =
    subject.outputs && reference?.outputs ? pairOutputs(subject.outputs, reference.outputs) : undefined;
  const latency = compareLatency(options);
  const readings = [latency.reading, ...(pair ? compareOutputs(options, pair) : missingOutputs(options))];
  const prediction = predictNumerics({
    record: options.evidence.variants.find(({ digest }) => digest === subject.cell.variant.digest)?.record,
    here: kernelsOf(subject),
    there: reference ? kernelsOf(reference) : {},
    outputs: outputsWord(pair),
    sqnr: readings.find(({ quantity }) => quantity === 'transfer.sqnr.output'),
  });
  const indexed = indexReadings(readings);
  const test = pair && testAccuracy(options, pair);
  const flips = pair && flipsOf(options, pair);
  return {
    placeId: subject.cell.placeId,
    referencePlaceId,
    variant: subject.cell.variant,
    scenario: subject.cell.scenario,
    settingsDigest: subject.cell.settingsDigest,
    commonInputs: pair?.common.comparable ? pair.common.count : 0,
    outputs: outputsWord(pair),
    notes: notesOf(pair),
    prediction,
    transfer: judgeTransfer({
      comparison: { readings: indexed, prediction },
      here: subject.cell,
      there: reference?.cell,
      whyNotFaster: whyNotFaster(options),
    }),
    ...(flips && { flips }),
    ...(test && { mcnemar: test }),
    ...(latency.verdict && { speed: latency.verdict }),
    readings: indexed,
  };
}

function flipsOf(options: CompareOptions, pair: OutputPair): Flips | undefined {
  const { evidence, subject } = options;
  const floats = subject.cell.isReference ? undefined : findFloatPair(options);
  return describeFlips(pair, floats, usableLabels(pair.subject, evidence.dataset, evidence.labels));
}

function testAccuracy({ evidence }: CompareOptions, pair: OutputPair): PlaceComparison['mcnemar'] {
  const labels = usableLabels(pair.subject, evidence.dataset, evidence.labels);
  const counts = labels.usable ? countRight(pair, labels.labels) : undefined;
  if (!counts) return undefined;
  const { firstOnly: thereOnly, secondOnly: hereOnly } = counts;
  const { p, method } = mcnemar(thereOnly, hereOnly);
  return { hereOnly, thereOnly, p, adjustedP: p, method };
}

function whyNotFaster({ evidence, subject, floatHere }: CompareOptions): string[] {
  const record = evidence.variants.find(({ digest }) => digest === subject.cell.variant.digest)?.record;
  return explainInt8(subject.cell, {
    format: record?.format ?? '',
    inventory: subject.evidence.device?.inventory,
    reference: floatHere?.cell,
  });
}

function kernelsOf({ cell, evidence }: SummarisedCell): Kernels {
  return evidence.device?.backends.find(({ id }) => id === cell.backend.id)?.capabilities ?? {};
}

function compareLatency(options: CompareOptions): { reading: Reading; verdict: SpeedVerdict | undefined } {
  const { subject, reference } = options;
  const why = whyUntimed(subject) ?? (reference ? whyUntimed(reference) : noCounterpart);
  if (why !== undefined || !reference) {
    return { reading: unavailable('transfer.latency.ratio', '1', why ?? noCounterpart), verdict: undefined };
  }
  return speedReading({
    quantity: 'transfer.latency.ratio',
    reference: reference.launches,
    subject: subject.launches,
    sameJob: false,
    isTrusted: [reference, subject].every(({ cell }) => cell.timing.verdict === 'trusted'),
  });
}

const noCounterpart = 'no-counterpart: the reference place has no such cell';

function compareOutputs(options: CompareOptions, pair: OutputPair): Reading[] {
  const { evidence, subject } = options;
  const labels = usableLabels(pair.subject, evidence.dataset, evidence.labels);
  return [
    accuracyLossReading('transfer.accuracy.difference', pair, labels),
    withBand(sqnrReading('transfer.sqnr.output', pair)),
    flipsReading('transfer.flips.top1', pair, undefined),
    subject.cell.isReference
      ? unavailable('transfer.flips.top1.variant', '1', 'reference: this is the fp32 variant')
      : variantFlips(options, pair),
  ];
}

/** Flips of a quantized variant on the inputs for which the fp32 variant answers alike in both places. */
function variantFlips(options: CompareOptions, pair: OutputPair): Reading {
  const quantity = 'transfer.flips.top1.variant';
  const floats = findFloatPair(options);
  if (!floats) return unavailable(quantity, '1', 'no-reference: no fp32 outputs in both places');
  return flipsReading(quantity, pair, floats);
}

function findFloatPair({ floatHere, floatThere }: CompareOptions): OutputPair | undefined {
  return floatHere?.outputs && floatThere?.outputs && pairOutputs(floatHere.outputs, floatThere.outputs);
}

function flipsReading(quantity: string, pair: OutputPair, floats: OutputPair | undefined): Reading {
  const flips = findFlips(pair);
  if (typeof flips === 'string') return unavailable(quantity, '1', flips);
  const floatFlips = floats && findFlips(floats);
  if (typeof floatFlips === 'string') return unavailable(quantity, '1', floatFlips);
  const count = Math.min(flips.count, floatFlips?.count ?? flips.count);
  const own = [...flips.inputs].filter((input) => input < count && !floatFlips?.inputs.has(input)).length;
  return available({
    quantity,
    value: own / count,
    unit: '1',
    method: floats ? 'other-top1-where-fp32-agrees' : 'other-top1',
    interval: clopperPearson(own, count),
    n: count,
    flags: [`${own} of ${count} inputs`],
  });
}

function withBand(reading: Reading): Reading {
  if (reading.status === 'unavailable') return reading;
  const band =
    reading.value >= floatNoiseDb
      ? 'float noise'
      : reading.value >= roundingDb
        ? 'rounding'
        : reading.value >= investigateDb
          ? 'unclear'
          : 'investigate: saturation or other kernels';
  return { ...reading, flags: [...(reading.flags ?? []), band] };
}

function missingOutputs(options: CompareOptions): Reading[] {
  const reason = options.reference
    ? `no-outputs: ${(options.subject.outputs ? options.reference : options.subject).cell.numerics.reasons[0]?.detail ?? 'not evaluated'}`
    : noCounterpart;
  return [
    unavailable('transfer.accuracy.difference', 'points', reason),
    unavailable('transfer.sqnr.output', 'dB', reason),
    unavailable('transfer.flips.top1', '1', reason),
    unavailable('transfer.flips.top1.variant', '1', reason),
  ];
}

/** Digests tell it for equal counts; for a prefix, only the raw outputs that both kept can. */
function outputsWord(pair: OutputPair | undefined): PlaceComparison['outputs'] {
  if (!pair?.common.comparable) return 'not-compared';
  const { subject, reference } = pair;
  if (subject.facts.count === reference.facts.count) {
    return subject.facts.outputDigest === reference.facts.outputDigest ? 'identical' : 'different';
  }
  const sample = sqnrReading('transfer.sqnr.output', pair);
  return sample.status !== 'unavailable' ? 'different' : 'not-compared';
}

function notesOf(pair: OutputPair | undefined): string[] {
  if (!pair) return [];
  const { common, subject, reference } = pair;
  if (!common.comparable) return [common.reason];
  const notes = common.note ? [common.note] : [];
  if (common.note && sqnrReading('', pair).flags?.includes('identical')) {
    const count = Math.min(subject.comparison?.count ?? 0, reference.comparison?.count ?? 0);
    notes.push(
      `the raw outputs kept for the first ${count} inputs are identical; of the others there is no digest`,
    );
  }
  return notes;
}

/** Equal for one variant in one place, at equal scenario and settings. */
function counterpartKey({ cell }: SummarisedCell, placeId: string, variantDigest: string): string {
  return [placeId, variantDigest, cell.scenario, cell.settingsDigest].join('|');
}
