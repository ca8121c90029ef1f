import type { CellEvidence } from './collect-cells.ts';
import type { RunEvidence } from './evidence.ts';
import type { Probe } from './find-probes.ts';
import { placeId } from './place.ts';
import type { MeasuredCell, Measurement } from './summarise-measurement.ts';

/** The measure results behind some cells, each with all cells that it is of. */
export function listMeasurements(
  cells: readonly CellEvidence[],
  probes: ReadonlyMap<string, Probe>,
  evidence: Pick<RunEvidence, 'run' | 'model' | 'variants'>,
): Measurement[] {
  const measured = cells.filter(({ measure }) => measure?.resultDigest !== undefined && measure.facts);
  const byResult = Map.groupBy(measured, ({ measure }) => measure!.resultDigest!);
  return [...byResult].map(([resultDigest, group]): Measurement => {
    const { measure, scenario, deviceId, device } = group[0]!;
    const probe = probes.get(deviceId);
    return {
      resultDigest,
      facts: measure!.facts!,
      scenario,
      device: judgedDevice(device),
      probe: { readings: probe?.readings ?? [], resultDigest: probe?.digest },
      seed: evidence.run.plan.seed,
      cells: group.map((cell) => measuredCell(cell, evidence)),
    };
  });
}

/** A cell as its profiles are read. */
export function measuredCell(
  cell: CellEvidence,
  { model, variants }: Pick<RunEvidence, 'model' | 'variants'>,
): MeasuredCell {
  // A file made elsewhere has layers of its own: its operators may bear other names than the model's.
  const own = variants.find(({ digest }) => digest === cell.variantDigest)?.record.layers;
  return {
    id: cellId(cell),
    variantDigest: cell.variantDigest,
    batch: cell.settings.batch,
    layers: own ?? model.layers,
  };
}

/** Names a cell, and seeds its intervals. */
export function cellId({ deviceId, backendId, variantName, scenario, settingsDigest }: CellEvidence): string {
  return [placeId(deviceId, backendId), variantName, scenario, settingsDigest.slice(0, 8)].join('|');
}

/** What the timing's verdict needs to know of the cell's device. */
export function judgedDevice(device: CellEvidence['device']): Measurement['device'] {
  return {
    emulatedBy: device?.inventory?.emulated?.by,
    emulatedAs: device?.inventory?.emulated?.cpu,
    processors: device?.inventory?.cpu.processors,
  };
}
