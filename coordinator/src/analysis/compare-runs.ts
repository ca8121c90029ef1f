import { QfleetError } from '@qfleet/shared/errors.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import * as z from 'zod';
import { usableLabels } from './accuracy-readings.ts';
import { speedVerdictSchema } from './cell.ts';
import { accuracyLossReading, pairOutputs } from './divergence-readings.ts';
import type { RunEvidence } from './evidence.ts';
import { speedReading } from './speed-reading.ts';
import { type SummarisedCell, summariseCells } from './summarise-cells.ts';
import { whyUntimed } from './why-none.ts';

/** One cell of a run against the same cell of another run. */
export const runComparisonSchema = z.object({
  cellId: z.string(),
  deviceName: z.string(),
  backend: z.string(),
  variant: z.string(),
  scenario: z.string(),
  /** Whether both runs used the very same file. */
  sameFile: z.boolean(),
  /** Of both runs' timing verdicts the worse. */
  isTrusted: z.boolean(),
  /** New time over old time: above 1 where the new run is slower. */
  latencyRatio: readingSchema,
  /** Of the new run against the old one. */
  speed: speedVerdictSchema.optional(),
  /** Points lost since the old run, paired over common inputs. */
  accuracyLoss: readingSchema,
});
export type RunComparison = z.infer<typeof runComparisonSchema>;

/** A cell that one run has and the other has not. */
export const leftOutSchema = z.object({
  variant: z.string(),
  deviceName: z.string(),
  backend: z.string(),
  scenario: z.string(),
  /** Which run has it. */
  isOf: z.enum(['run', 'base']),
  /** What the other run has not: `device`, `backend`, `variant`, … */
  reason: z.string(),
});
export type LeftOut = z.infer<typeof leftOutSchema>;

export const runComparisonsSchema = z.object({
  rows: z.array(runComparisonSchema),
  /** Cells of the run that the base has not. */
  unmatched: z.number(),
  /** What only one of the runs has. */
  leftOut: z.array(leftOutSchema),
});
export type RunComparisons = z.infer<typeof runComparisonsSchema>;

/**
 * A run against an earlier one of the same model, cell by cell: equal place, variant name, scenario and settings.
 * Launches of two runs are not paired (Welch's t on logs) and are compared where the load was the same; accuracies are,
 * input by input, where both saw the same bytes. Cells that one of them has alone are listed with what the other lacks.
 * Throws `failed-precondition` for runs of different models.
 */
export function compareRuns(subject: RunEvidence, base: RunEvidence): RunComparisons {
  requireSameModel(subject, base);
  const [cells, oldCells] = [summariseCells(subject), summariseCells(base)];
  const old = new Map(oldCells.map((summary) => [keyOf(summary), summary]));
  const known = new Set(cells.map(keyOf));
  const rows = cells.flatMap((summary) => {
    const reference = old.get(keyOf(summary));
    return reference ? [compare(summary, reference, subject)] : [];
  });
  const leftOut = [
    ...cells.filter((cell) => !old.has(keyOf(cell))).map((cell) => leaveOut(cell, 'run', oldCells)),
    ...oldCells.filter((cell) => !known.has(keyOf(cell))).map((cell) => leaveOut(cell, 'base', cells)),
  ];
  return { rows, unmatched: cells.length - rows.length, leftOut };
}

/** The same file, or a later one that was added under its name. */
function requireSameModel(subject: RunEvidence, base: RunEvidence): void {
  const { model } = subject;
  if (model.digest === base.model.digest || model.name === base.model.name) return;
  throw new QfleetError(
    'failed-precondition',
    `The runs are of different models: ${subject.run.name || subject.run.id} of ${model.name} (${model.digest.slice(0, 12)}), ${base.run.name || base.run.id} of ${base.model.name} (${base.model.digest.slice(0, 12)}).`,
    { hint: 'Compare with an earlier run of the same model; see: ./qfleet run ls' },
  );
}

function leaveOut(
  summary: SummarisedCell,
  isOf: LeftOut['isOf'],
  others: readonly SummarisedCell[],
): LeftOut {
  const { variant, deviceName, backend, scenario } = summary.cell;
  return {
    variant: variant.name,
    deviceName,
    backend: backend.id,
    scenario,
    isOf,
    reason: whyNone(summary, others),
  };
}

/** The first thing, from the device to the settings, that no cell of the other run shares. */
function whyNone({ cell }: SummarisedCell, others: readonly SummarisedCell[]): string {
  const parts: [string, (other: SummarisedCell['cell']) => boolean][] = [
    [`device ${cell.deviceName}`, ({ deviceId }) => deviceId === cell.deviceId],
    [`backend ${cell.backend.id}`, ({ placeId }) => placeId === cell.placeId],
    [`variant ${cell.variant.name}`, ({ variant }) => variant.name === cell.variant.name],
    [`scenario ${cell.scenario}`, ({ scenario }) => scenario === cell.scenario],
  ];
  let left = others.map((other) => other.cell);
  for (const [what, isShared] of parts) {
    left = left.filter(isShared);
    if (left.length === 0) return `no ${what} there`;
  }
  return 'other settings there';
}

function keyOf({ cell }: SummarisedCell): string {
  return [cell.placeId, cell.variant.name, cell.scenario, cell.settingsDigest].join('\n');
}

function compare(summary: SummarisedCell, reference: SummarisedCell, evidence: RunEvidence): RunComparison {
  const { cell } = summary;
  const isTrusted = [cell, reference.cell].every(({ timing }) => timing.verdict === 'trusted');
  const speed = compareSpeed(summary, reference, isTrusted);
  return {
    cellId: cell.id,
    deviceName: cell.deviceName,
    backend: cell.backend.id,
    variant: cell.variant.name,
    scenario: cell.scenario,
    sameFile: cell.variant.digest === reference.cell.variant.digest,
    isTrusted,
    latencyRatio: speed.reading,
    ...(speed.verdict && { speed: speed.verdict }),
    accuracyLoss: compareAccuracy(summary, reference, evidence),
  };
}

function compareSpeed(
  summary: SummarisedCell,
  reference: SummarisedCell,
  isTrusted: boolean,
): { reading: Reading; verdict?: RunComparison['speed'] } {
  const why = whyUntimed(summary) ?? whyUntimed(reference) ?? describeOtherLoad(summary, reference);
  if (why !== undefined) return { reading: unavailable('latency.ratio', '1', why) };
  // Swapped, so that the ratio is new over old; the word is then of the old run and turned round.
  const { reading, verdict } = speedReading({
    quantity: 'latency.ratio',
    reference: summary.launches,
    subject: reference.launches,
    sameJob: false,
    isTrusted,
  });
  const turned = { faster: 'slower', slower: 'faster' } as const;
  return { reading, verdict: verdict === 'faster' || verdict === 'slower' ? turned[verdict] : verdict };
}

/** How the loads differ under which two cells were timed, as a reason; undefined where they are the same. */
function describeOtherLoad(summary: SummarisedCell, reference: SummarisedCell): string | undefined {
  const [here, there] = [loadOf(summary), loadOf(reference)];
  const different = Object.keys(here).filter((name) => here[name] !== there[name]);
  if (different.length === 0) return undefined;
  const said = different.map((name) => `${name} ${here[name]} here, ${there[name]} in the base`);
  return `other-load: ${said.join('; ')}`;
}

/** What changes a latency of a scenario, by name; the seed of the arrivals does not. */
function loadOf({ evidence }: SummarisedCell): Record<string, number | string> {
  const load = evidence.measure?.job.spec.measure?.load;
  return {
    samplesPerQuery: load?.samplesPerQuery ?? 1,
    targetRatePerSec: load?.targetRatePerSec ?? 0,
    latencyBoundNs: load?.latencyBoundNs ?? 0,
    percentile: load?.percentile ?? 0,
    frameRatePerSec: load?.frameRatePerSec ?? 0,
    backgroundProcesses: load?.backgroundProcesses ?? 0,
    companions: load?.companions.map(({ name }) => name).join('+') || 'none',
  };
}

function compareAccuracy(summary: SummarisedCell, reference: SummarisedCell, evidence: RunEvidence): Reading {
  if (!summary.outputs || !reference.outputs) {
    return unavailable('accuracy.loss', 'points', 'no-outputs: one of the runs did not evaluate it');
  }
  const labels = usableLabels(summary.outputs, evidence.dataset, evidence.labels);
  return accuracyLossReading('accuracy.loss', pairOutputs(summary.outputs, reference.outputs), labels);
}
