import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, readingValue, unavailable } from '@qfleet/shared/reading.ts';
import { pairedT } from '@qfleet/shared/statistics/paired-t.ts';
import type { Variant } from '../artefacts/artefacts.ts';
import type { Cell } from './cell.ts';

/** Sets from which a spread is told. */
const minSets = 3;

/** What the choice of calibration inputs does to one recipe in one place. */
export interface CalibrationSensitivity {
  readonly placeId: string;
  readonly recipe: string;
  /** Random sets of inputs, how many inputs in each, and from how many they were drawn. */
  readonly sets: number;
  readonly size: number;
  readonly pool: number;
  /** Mean accuracy loss over the sets, points, with Student's interval whose units are sets. */
  readonly loss: Reading;
  /** Least and most over the sets. */
  readonly range: { readonly least: number; readonly most: number } | undefined;
}

/**
 * Accuracy loss over variants of one recipe that were calibrated with different random sets. The sets are drawn from one
 * pool and overlap the more the larger they are: the interval tells of choosing within this pool, not of other pools.
 */
export function calibrationSensitivity(
  cells: readonly Cell[],
  variants: readonly Variant[],
): CalibrationSensitivity[] {
  const drawn = new Map(
    variants.flatMap(({ digest, record }) => {
      const { calibration, recipe } = record;
      return calibration?.resample
        ? [[digest, { recipe, size: calibration.count, pool: calibration.resample.pool }] as const]
        : [];
    }),
  );
  const resampled = cells.flatMap((cell) => {
    const found = drawn.get(cell.variant.digest);
    return found ? [{ cell, ...found }] : [];
  });
  const groups = Map.groupBy(
    resampled,
    ({ cell, recipe, size, pool }) =>
      `${cell.placeId}\n${recipe}\n${size}\n${pool}\n${cell.scenario}\n${cell.settingsDigest}`,
  );
  return [...groups.values()].map((group) => {
    const { cell, recipe, size, pool } = group[0]!;
    const losses = group.flatMap((one) => readingValue(one.cell.readings['accuracy.loss']) ?? []);
    return {
      placeId: cell.placeId,
      recipe,
      sets: losses.length,
      size,
      pool,
      loss: lossOver(losses),
      range: losses.length > 0 ? { least: Math.min(...losses), most: Math.max(...losses) } : undefined,
    };
  });
}

function lossOver(losses: readonly number[]): Reading {
  const quantity = 'accuracy.loss.over-calibrations';
  if (losses.length < minSets) {
    return unavailable(quantity, 'points', `n-too-small: ${losses.length} of ${minSets} sets`);
  }
  const { mean: value, interval } = pairedT(losses);
  return available({
    quantity,
    status: 'derived',
    value,
    unit: 'points',
    method: 'mean-over-calibration-sets',
    interval: { ...interval, method: 't-over-calibration-sets' },
    n: losses.length,
  });
}
