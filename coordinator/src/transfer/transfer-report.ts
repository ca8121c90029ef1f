import { randomFor } from '@qfleet/shared/random-for.ts';
import type { ImportedSet } from '../imports/imported-set.ts';
import { compareSystems, type SystemPair } from './compare-systems.ts';
import { buildGrid } from './grid.ts';
import { evaluateMethods, type MethodErrors } from './predict/evaluate-methods.ts';
import { errorsOnNewNetworks, type NetworkErrors } from './predict/held-out-networks.ts';
import { errorsWithoutAnchors } from './predict/without-anchors.ts';
import { type SystemSpeedUps, speedUps } from './speed-ups.ts';

/** The version of the report's JSON. */
export const transferReportSchema = 'qfleet.transfer/1';

/** Accuracy of twins on one system, points. */
export interface AccuracyLoss {
  readonly system: string;
  readonly precision: string;
  readonly network: string;
  /** Float minus quantized, percentage points. */
  readonly points: number;
  readonly inputs: number;
}

/** What measurements of many networks on many systems say of each other. */
export interface TransferReport {
  readonly schema: typeof transferReportSchema;
  readonly kind: string;
  readonly source: ImportedSet['source'];
  readonly systems: readonly (ImportedSet['systems'][number] & { readonly results: number })[];
  /** Of every number format over float32. */
  readonly speedUps: readonly (SystemSpeedUps & { readonly precision: string })[];
  readonly accuracyLosses: readonly AccuracyLoss[];
  readonly pairs: readonly SystemPair[];
  /** Leave-one-board-out errors; empty where fewer than three boards measured enough. */
  readonly predictions: readonly MethodErrors[];
  /** Leave-one-network-out errors; empty where no system measured enough networks whose work is published. */
  readonly newNetworks: readonly NetworkErrors[];
  readonly notes: readonly string[];
}

/** Numbers of anchors that prediction is judged with. */
const anchorCounts = [1, 3, 5];
const seed = 1;

/** A pure function of an imported set: equal sets give equal reports. */
export function buildTransferReport(set: ImportedSet): TransferReport {
  const grid = buildGrid(set.systems, set.results);
  const precisions = [...new Set(grid.items.map(({ precision }) => precision))].filter(
    (precision) => precision !== 'fp32' && precision !== 'unknown',
  );
  const subject = precisions.includes('int8') ? 'int8' : (precisions[0] ?? 'int8');
  return {
    schema: transferReportSchema,
    kind: set.kind,
    source: set.source,
    systems: set.systems.map((system) => ({
      ...system,
      results: set.results.filter((result) => result.system === system.id).length,
    })),
    speedUps: precisions.flatMap((precision) =>
      speedUps(grid, 'fp32', precision).map((found) => ({ ...found, precision })),
    ),
    accuracyLosses: accuracyLosses(set),
    pairs: compareSystems(grid, {
      reference: 'fp32',
      subject,
      randomOf: (pair) => randomFor(seed, pair, 'rank.tau'),
    }),
    predictions: [
      ...errorsWithoutAnchors(grid),
      ...evaluateMethods(grid, { anchorCounts, seed }).filter(({ systems }) => systems.length > 0),
    ],
    newNetworks: errorsOnNewNetworks(grid),
    notes: set.notes,
  };
}

function accuracyLosses({ results }: ImportedSet): AccuracyLoss[] {
  const shareOf = (accuracy: { good: number; total: number }): number => accuracy.good / accuracy.total;
  return results.flatMap(({ system, network, precision, accuracy }) => {
    if (precision === 'fp32' || !accuracy) return [];
    const float = results.find(
      (other) => other.system === system && other.network === network && other.precision === 'fp32',
    );
    if (!float?.accuracy) return [];
    const points = 100 * (shareOf(float.accuracy) - shareOf(accuracy));
    return [{ system, precision, network, points, inputs: accuracy.total }];
  });
}
