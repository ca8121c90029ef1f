import type { Cell } from '../analysis/cell.ts';
import { readCompatibility, targetOf } from '../analysis/compatibility.ts';
import type { RunEvidence } from '../analysis/evidence.ts';
import { explainInt8 } from '../analysis/explain-int8.ts';
import type { Report } from './report.ts';

/** One entry per place and variant: of several scenarios and settings the first that was profiled tells it. */
export function describeCompatibility(
  cells: readonly Cell[],
  { variants, devices }: RunEvidence,
): Report['compatibility'] {
  const inventories = new Map(devices.map(({ id, inventory }) => [id, inventory]));
  const references = new Map(
    cells.filter(({ isReference }) => isReference).map((cell) => [settingKey(cell), cell]),
  );
  const byPlace = Map.groupBy(cells, ({ placeId, variant }) => `${placeId} ${variant.digest}`);
  return [...byPlace.values()].map((group) => {
    const cell = group.find(({ layers, operators }) => layers.length + operators.length > 0) ?? group[0]!;
    const record = variants.find(({ digest }) => digest === cell.variant.digest)?.record;
    const inventory = inventories.get(cell.deviceId);
    const found = readCompatibility(cell, record, targetOf(inventory?.architecture, cell.backend.id));
    const reference = references.get(settingKey(cell));
    return {
      cellId: cell.id,
      layers: { integer: found.integer, float: found.float, unmatched: found.unmatched },
      ...(found.macShare !== undefined && { macShare: found.macShare }),
      ...(found.byteShare !== undefined && { byteShare: found.byteShare }),
      converts: found.converts,
      ...(found.expected !== undefined && { expectedInteger: found.expected }),
      surprises: [...found.surprises],
      ...(found.reason !== undefined && { reason: found.reason }),
      whyNotFaster: explainInt8(cell, { format: record?.format ?? '', inventory, reference }),
    };
  });
}

/** Equal for the cells of all variants in one place, scenario and settings. */
function settingKey({ placeId, scenario, settingsDigest }: Cell): string {
  return [placeId, scenario, settingsDigest].join('|');
}
