import type { Reading } from '@qfleet/shared/reading.ts';
import type { Report } from './report.ts';

/** Columns of the long form, in order. */
export const reportColumns = [
  'kind',
  'device',
  'backend',
  'variant',
  'scenario',
  'settings',
  'compared_with',
  'quantity',
  'status',
  'value',
  'unit',
  'low_95',
  'high_95',
  'n',
  'method',
  'reason',
  'flags',
  'timing',
  'numerics',
] as const;

export type ReportRow = Partial<Record<(typeof reportColumns)[number], string | number>>;

/** The report in long form, one row per reading: of cells, what other machines tell of them, comparisons between places, the fleet and devices. Values in base units. */
export function reportRows(report: Report): ReportRow[] {
  const fleet = { kind: 'fleet', ...readingColumns(report.noiseFloor) };
  return [
    ...cellRows(report),
    ...predictionRows(report),
    ...comparisonRows(report),
    fleet,
    ...deviceRows(report),
  ];
}

function cellRows({ cells }: Report): ReportRow[] {
  return cells.flatMap((cell) => {
    const shares = cell.operators.map((operator) => ({
      ...operator.timeShare,
      quantity: `operators.share.${operator.kind}.${operator.type}`,
    }));
    return [...Object.values(cell.readings), ...shares].map((reading) => ({
      kind: 'cell',
      device: cell.deviceName,
      backend: cell.backend.id,
      variant: cell.variant.name,
      scenario: cell.scenario,
      settings: cell.settingsDigest.slice(0, 8),
      timing: cell.timing.verdict,
      numerics: cell.numerics.verdict,
      ...readingColumns(reading),
    }));
  });
}

function predictionRows({ cells, latencyPredictions }: Report): ReportRow[] {
  return latencyPredictions.flatMap(({ cellId, predicted }) => {
    const cell = cells.find(({ id }) => id === cellId);
    if (!cell) return [];
    return {
      kind: 'prediction',
      device: cell.deviceName,
      backend: cell.backend.id,
      variant: cell.variant.name,
      scenario: cell.scenario,
      settings: cell.settingsDigest.slice(0, 8),
      ...readingColumns(predicted),
    };
  });
}

function comparisonRows({ comparisons, places }: Report): ReportRow[] {
  return comparisons.flatMap((comparison) => {
    const place = places.find((candidate) => candidate.id === comparison.placeId);
    return Object.values(comparison.readings).map((reading) => ({
      kind: 'comparison',
      device: place?.deviceName ?? '',
      backend: place?.backendId ?? '',
      variant: comparison.variant.name,
      scenario: comparison.scenario,
      settings: comparison.settingsDigest.slice(0, 8),
      compared_with: comparison.referencePlaceId,
      ...readingColumns(reading),
    }));
  });
}

function deviceRows({ devices }: Report): ReportRow[] {
  return devices.flatMap((device) => {
    const ladder = device.probe.latencyLadder.map(({ workingSetBytes, load }) => ({
      ...load,
      quantity: `mem.latency.${workingSetBytes}`,
    }));
    return [...device.probe.readings, ...ladder].map((reading) => ({
      kind: 'device',
      device: device.name,
      ...readingColumns(reading),
    }));
  });
}

function readingColumns(reading: Reading): ReportRow {
  const common = {
    quantity: reading.quantity,
    status: reading.status,
    unit: reading.unit,
    method: reading.method ?? '',
    flags: (reading.flags ?? []).join('; '),
  };
  if (reading.status === 'unavailable') return { ...common, reason: reading.reason };
  return {
    ...common,
    value: reading.value,
    ...(reading.interval && { low_95: reading.interval.low, high_95: reading.interval.high }),
    ...(reading.n !== undefined && { n: reading.n }),
  };
}
