import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { clopperPearson } from '@qfleet/shared/statistics/clopper-pearson.ts';
import { newcombePaired, type PairedCounts } from '@qfleet/shared/statistics/newcombe-paired.ts';
import { sqnr } from '@qfleet/shared/statistics/sqnr.ts';
import { wilson } from '@qfleet/shared/statistics/wilson.ts';
import { isRight, type UsableLabels } from './accuracy-readings.ts';
import { type CommonInputs, commonInputs } from './common-inputs.ts';
import { type EvaluatedOutputs, topClass } from './read-outputs.ts';

/** Two sets of outputs that are to be compared, and over what. */
export interface OutputPair {
  readonly subject: EvaluatedOutputs;
  readonly reference: EvaluatedOutputs;
  readonly common: CommonInputs;
}

/** Puts two evaluations side by side. */
export function pairOutputs(subject: EvaluatedOutputs, reference: EvaluatedOutputs): OutputPair {
  return { subject, reference, common: commonInputs(subject.facts, reference.facts) };
}

/**
 * Share of the common inputs for which both give the same best class, 0…1, with Clopper and Pearson's interval;
 * needs no labels.
 */
export function agreementReading(quantity: string, pair: OutputPair): Reading {
  const flips = findFlips(pair);
  if (typeof flips === 'string') return unavailable(quantity, '1', flips);
  const agreeing = flips.count - flips.inputs.size;
  return available({
    quantity,
    value: agreeing / flips.count,
    unit: '1',
    method: 'same-top1',
    interval: clopperPearson(agreeing, flips.count),
    n: flips.count,
    ...noteFlags(pair.common),
  });
}

/** The common inputs whose best class differs, or why that cannot be said. */
export function findFlips(
  pair: OutputPair,
): { readonly count: number; readonly inputs: ReadonlySet<number> } | string {
  const { subject, reference, common } = pair;
  if (!common.comparable) return common.reason;
  if (!subject.topK || !reference.topK) return whyNoClasses(pair);
  if (common.count === 0) return 'n-too-small: 0 of 1';
  const inputs = new Set<number>();
  for (let input = 0; input < common.count; input++) {
    if (topClass(subject.topK, input) !== topClass(reference.topK, input)) inputs.add(input);
  }
  return { count: common.count, inputs };
}

/**
 * 20·log10(‖x‖/‖x − y‖) of the raw outputs of the inputs that both kept them for, dB. Unavailable with the
 * reason `identical` and that flag where all bits are equal, since the ratio is infinite then.
 */
export function sqnrReading(quantity: string, pair: OutputPair): Reading {
  const { subject, reference, common } = pair;
  if (!common.comparable) return unavailable(quantity, 'dB', common.reason);
  if (!subject.comparison || !reference.comparison) {
    return unavailable(quantity, 'dB', 'not-kept: no raw outputs were kept');
  }
  if (subject.comparison.width !== reference.comparison.width) {
    return unavailable(quantity, 'dB', 'shape-mismatch: the outputs have other shapes');
  }
  const count = Math.min(subject.comparison.count, reference.comparison.count);
  if (count === 0) return unavailable(quantity, 'dB', 'not-kept: no raw outputs were kept');
  const values = count * reference.comparison.width;
  const result = sqnr(
    reference.comparison.values.subarray(0, values),
    subject.comparison.values.subarray(0, values),
  );
  if (result.db === undefined) {
    const missing = unavailable(quantity, 'dB', result.reason ?? 'undefined-ratio');
    return result.identical ? { ...missing, flags: ['identical'] } : missing;
  }
  return available({
    quantity,
    value: result.db,
    unit: 'dB',
    method: 'sqnr-over-comparison-inputs',
    n: count,
    ...noteFlags(common),
  });
}

/**
 * Accuracy of the reference minus accuracy of the subject, percentage points, positive where the subject is
 * worse: paired over the common inputs, Newcombe's method 10.
 */
export function accuracyLossReading(quantity: string, pair: OutputPair, labels: UsableLabels): Reading {
  const { subject, reference, common } = pair;
  if (!common.comparable) return unavailable(quantity, 'points', common.reason);
  if (!labels.usable) return unavailable(quantity, 'points', labels.reason);
  if (!subject.topK || !reference.topK) return unavailable(quantity, 'points', whyNoClasses(pair));
  if (common.count === 0) return unavailable(quantity, 'points', 'n-too-small: 0 of 1');
  const counts = countRight(pair, labels.labels)!;
  const chance = describeChance(counts, reference.classes);
  if (chance !== undefined) return unavailable(quantity, 'points', chance);
  const { difference, low, high, method } = newcombePaired(counts);
  return available({
    quantity,
    status: 'derived',
    value: difference * 100,
    unit: 'points',
    method: 'paired-top1-difference',
    interval: { low: low * 100, high: high * 100, method },
    n: common.count,
    ...noteFlags(common),
  });
}

/**
 * Where neither side is shown to be right more often than guessing, a loss of 0 says nothing: as a reason; undefined
 * where one of them is, by the lower end of Wilson's interval.
 */
function describeChance(
  { bothRight, firstOnly, secondOnly, bothWrong }: PairedCounts,
  classes: number,
): string | undefined {
  const n = bothRight + firstOnly + secondOnly + bothWrong;
  const right = [bothRight + firstOnly, bothRight + secondOnly];
  if (right.some((count) => wilson(count, n).low > 1 / classes)) return undefined;
  const [reference, subject] = right.map((count) => ((100 * count) / n).toFixed(1));
  return `at-chance: right on ${reference} % and ${subject} % of ${n} inputs, as guessing one of ${classes} classes is; the labels may be of other classes, or in another order`;
}

function whyNoClasses({ subject, reference }: OutputPair): string {
  return (subject.topK ? reference : subject).whyNoClasses;
}

/** How often reference (first) and subject (second) are right on the common inputs; undefined where classes are not known. */
export function countRight(
  { subject, reference, common }: OutputPair,
  labels: Uint32Array,
): PairedCounts | undefined {
  if (!common.comparable || !subject.topK || !reference.topK) return undefined;
  const counts = { bothRight: 0, firstOnly: 0, secondOnly: 0, bothWrong: 0 };
  for (let input = 0; input < common.count; input++) {
    const first = isRight(reference.topK, labels, input);
    const second = isRight(subject.topK, labels, input);
    counts[first ? (second ? 'bothRight' : 'firstOnly') : second ? 'secondOnly' : 'bothWrong']++;
  }
  return counts;
}

function noteFlags(common: CommonInputs): { flags?: string[] } {
  return common.comparable && common.note ? { flags: [common.note] } : {};
}
