import { type Place, placeId } from './place.ts';
import type { SummarisedCell } from './summarise-cells.ts';

/**
 * The places of a run, in the cells' order. The reference is the first that is not emulated among those that
 * evaluated the most inputs; an emulated one only where there is no other.
 */
export function listPlaces(cells: readonly SummarisedCell[]): Place[] {
  const byId = Map.groupBy(cells, ({ cell }) => cell.placeId);
  const ranked = [...byId.values()].map((group) => ({
    group,
    emulated: isEmulated(group[0]!),
    inputs: Math.max(...group.map(({ outputs }) => outputs?.facts.count ?? 0)),
  }));
  const best = ranked.toSorted((a, b) => Number(a.emulated) - Number(b.emulated) || b.inputs - a.inputs)[0];
  return ranked.map((entry) => {
    const { cell } = entry.group[0]!;
    return {
      id: placeId(cell.deviceId, cell.backend.id),
      deviceId: cell.deviceId,
      deviceName: cell.deviceName,
      backendId: cell.backend.id,
      emulated: entry.emulated,
      isReference: entry === best,
    };
  });
}

function isEmulated(summary: SummarisedCell): boolean {
  return summary.evidence.device?.inventory?.emulated !== undefined;
}
