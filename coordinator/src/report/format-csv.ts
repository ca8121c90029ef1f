import type { Reading } from '@qfleet/shared/reading.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

const columns = [
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

type Row = Partial<Record<(typeof columns)[number], string | number>>;

/**
 * The report in long form, one row per reading (RFC 4180, CRLF, UTF-8): of cells, comparisons between places and
 * devices. Values in base units, full precision. A text that a spreadsheet would take for a formula gets an
 * apostrophe in front.
 */
export function formatCsv(report: Report): string {
  const rows = [...cellRows(report), ...comparisonRows(report), ...deviceRows(report)];
  const lines = rows.map((row) => columns.map((column) => csvCell(row[column])).join(','));
  return `${[columns.join(','), ...lines].join('\r\n')}\r\n`;
}

function cellRows({ cells }: Report): Row[] {
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

function comparisonRows({ comparisons, places }: Report): Row[] {
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

function deviceRows({ devices }: Report): Row[] {
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

function readingColumns(reading: Reading): Row {
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

function csvCell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = stripControl(value);
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}
