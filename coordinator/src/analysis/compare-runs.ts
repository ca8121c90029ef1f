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

/**
 * A run against an earlier one, cell by cell: equal place, variant name, scenario and settings. Launches of two runs are
 * not paired (Welch's t on logs); accuracies are, input by input, where both saw the same bytes. Cells that only the
 * new run has are left out and counted.
 */
export function compareRuns(
  subject: RunEvidence,
  base: RunEvidence,
): { readonly rows: readonly RunComparison[]; readonly unmatched: number } {
  const old = new Map(summariseCells(base).map((summary) => [keyOf(summary), summary]));
  const cells = summariseCells(subject);
  const rows = cells.flatMap((summary) => {
    const reference = old.get(keyOf(summary));
    return reference ? [compare(summary, reference, subject)] : [];
  });
  return { rows, unmatched: cells.length - rows.length };
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
  const why = whyUntimed(summary) ?? whyUntimed(reference);
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

function compareAccuracy(summary: SummarisedCell, reference: SummarisedCell, evidence: RunEvidence): Reading {
  if (!summary.outputs || !reference.outputs) {
    return unavailable('accuracy.loss', 'points', 'no-outputs: one of the runs did not evaluate it');
  }
  const labels = usableLabels(summary.outputs, evidence.dataset, evidence.labels);
  return accuracyLossReading('accuracy.loss', pairOutputs(summary.outputs, reference.outputs), labels);
}
