import type { Report } from './report.ts';
import { reportColumns, reportRows } from './report-rows.ts';
import { stripControl } from './strip-control.ts';

/**
 * The report in long form, one row per reading (RFC 4180, CRLF, UTF-8): of cells, comparisons between places and
 * devices. Values in base units, full precision. A text that a spreadsheet would take for a formula gets an
 * apostrophe in front.
 */
export function formatCsv(report: Report): string {
  const lines = reportRows(report).map((row) =>
    reportColumns.map((column) => csvCell(row[column])).join(','),
  );
  return `${[reportColumns.join(','), ...lines].join('\r\n')}\r\n`;
}

function csvCell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = stripControl(value);
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}
