import { type Reading, readingValue } from '@qfleet/shared/reading.ts';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import * as z from 'zod';
import { isSameMachine } from '../../plan/same-machine.ts';
import type { Cell } from '../cell.ts';
import type { RunEvidence } from '../evidence.ts';
import type { SummarisedCell } from '../summarise-cells.ts';
import { tensorBytes } from '../tensor-bytes.ts';
import { latencyMethods } from './latency-methods.ts';
import { predictLatency } from './predict-latency.ts';
import type { TimedPlace } from './timed-place.ts';

/** What one method says of one cell, and how that compares with what was measured. */
export const latencyPredictionSchema = z.object({
  cellId: z.string(),
  method: z.string(),
  /** Measurements on the device itself that went into it beside its probe. */
  anchors: z.number().int(),
  predicted: readingSchema,
  /** predicted / measured − 1; absent where either is missing. */
  error: z.number().optional(),
});
export type LatencyPrediction = z.infer<typeof latencyPredictionSchema>;

/** Of a large fleet so many tell of each device. */
const maxSources = 12;
/** Scenarios whose median latency is that of one inference. */
const oneInference: readonly string[] = ['single-stream', 'offline'];

/**
 * Every cell told from the same variant, backend, scenario and settings on other machines, each machine held out with
 * all its agents and backends: for cells that were timed an error, for the others an expectation. Emulated boards are
 * neither told nor told from. Empty where all cells are of one machine.
 */
export function predictLatencies(
  evidence: RunEvidence,
  summaries: readonly SummarisedCell[],
): LatencyPrediction[] {
  const usable = summaries.filter(
    ({ cell, evidence: { device } }) =>
      device !== undefined && !device.inventory?.emulated && oneInference.includes(cell.scenario),
  );
  const floats = new Map(
    usable.filter(({ cell }) => cell.isReference).map((one) => [settingKey(one), one.cell]),
  );
  const places = new Map(usable.map((one) => [one, toPlace(one, evidence, floats.get(settingKey(one)))]));
  const timed = Map.groupBy(
    usable.filter(({ launches }) => launches.length > 0),
    cellKey,
  );
  return usable.flatMap((target) => {
    const sources = spread(timed.get(cellKey(target)) ?? [], target).map((one) => places.get(one)!);
    if (sources.length === 0) return [];
    return latencyMethods
      .filter(({ anchors }) => anchors === 0 || !target.cell.isReference)
      .map((method): LatencyPrediction => {
        const predicted = predictLatency(method, places.get(target)!, sources);
        const error = errorOf(predicted, places.get(target)!.latencyNs);
        return {
          cellId: target.cell.id,
          method: method.id,
          anchors: method.anchors,
          predicted,
          ...(error !== undefined && { error }),
        };
      });
  });
}

/** Equal for the cells of one variant, backend, scenario and settings on all devices. */
function cellKey({ cell }: SummarisedCell): string {
  return [cell.variant.digest, cell.backend.id, cell.scenario, cell.settingsDigest].join('|');
}

/** Equal for the cells of all variants in one place, scenario and settings. */
function settingKey({ cell }: SummarisedCell): string {
  return [cell.placeId, cell.scenario, cell.settingsDigest].join('|');
}

/** At most `maxSources` on other machines, evenly from all; twice as many are looked at, for some are the target's. */
function spread(timed: readonly SummarisedCell[], target: SummarisedCell): SummarisedCell[] {
  const others = evenly(timed, 2 * maxSources).filter(
    ({ evidence }) => !isSameMachine(evidence.device!, target.evidence.device!),
  );
  return evenly(others, maxSources);
}

/** At most so many of them, evenly from all. */
function evenly<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / most)]!);
}

function toPlace(
  { cell, evidence: found, launches, probe }: SummarisedCell,
  { model }: RunEvidence,
  float: Cell | undefined,
): TimedPlace {
  const { batch } = cell.settings;
  return {
    latencyNs: launches.length > 0 ? readingValue(cell.readings['latency.p50']) : undefined,
    floatLatencyNs: float && readingValue(float.readings['latency.p50']),
    threadsUsed: cell.threadsUsed ?? (cell.settings.threads || undefined),
    probe,
    work: {
      macs: model.macs === undefined ? undefined : model.macs * batch,
      bytes: found.variantSizeBytes + batch * tensorBytes([...model.inputs, ...model.outputs]),
      isInteger: (readingValue(cell.readings['operators.integer.share']) ?? 0) > 0.5,
    },
    layers: cell.layers,
  };
}

function errorOf(predicted: Reading, measuredNs: number | undefined): number | undefined {
  const value = readingValue(predicted);
  return value === undefined || measuredNs === undefined ? undefined : value / measuredNs - 1;
}
