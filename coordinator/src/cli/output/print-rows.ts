import { QfleetError } from '@qfleet/shared/errors.ts';
import Table from 'cli-table3';
import type { CliContext } from '../cli-context.ts';
import { cleanText } from './clean-text.ts';

export type OutputFormat = 'table' | 'json' | 'csv';

/** One column: its title and what stands in it. */
export interface Column<T> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  cell(row: T): string;
  /** The same for machines, in CSV: bytes instead of `742 kB`. */
  raw?(row: T): string | number | undefined;
}

/** Writes rows to standard output: a table for people, JSON with everything the API gave, or CSV of the columns. */
export function printRows<T>(
  context: CliContext,
  format: OutputFormat,
  columns: readonly Column<T>[],
  rows: readonly T[],
): void {
  const writers: Record<OutputFormat, () => string> = {
    json: () => JSON.stringify(rows, null, 2),
    csv: () => formatCsv(columns, rows),
    table: () => formatTable(columns, rows),
  };
  context.stdout.write(`${writers[format]()}\n`);
}

/** Writes one thing: JSON as it is, or its facts as two columns. */
export function printFacts(
  context: CliContext,
  format: OutputFormat,
  value: unknown,
  facts: readonly (readonly [string, string])[],
): void {
  if (format === 'json') {
    context.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    return;
  }
  const columns: Column<readonly [string, string]>[] = [
    { title: 'what', cell: ([what]) => what },
    { title: 'value', cell: ([, fact]) => fact },
  ];
  printRows(context, format, columns, facts);
}

/** Checks `-o`; throws `usage`. */
export function parseFormat(text: string): OutputFormat {
  if (text === 'table' || text === 'json' || text === 'csv') return text;
  throw new QfleetError('usage', `Expected -o table, json or csv, got "${text}".`);
}

function formatTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: noLines,
  });
  for (const row of rows) table.push(columns.map((column) => cleanText(column.cell(row))));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const noLines = Object.fromEntries([
  ['middle', ''],
  ...['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) => [
    [side, ''],
    [`${side}-mid`, ''],
    [`${side}-left`, ''],
    [`${side}-right`, ''],
  ]),
]);

function formatCsv<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const lines = rows.map((row) => columns.map((column) => escapeCell(rawCell(column, row))));
  return [columns.map(({ title }) => escapeCell(title)), ...lines]
    .map((cells) => cells.join(','))
    .join('\r\n');
}

function rawCell<T>(column: Column<T>, row: T): string {
  return column.raw ? String(column.raw(row) ?? '') : column.cell(row);
}

/** RFC 4180; a cell that a spreadsheet would take for a formula gets an apostrophe, unless it is a number. */
function escapeCell(text: string): string {
  const isFormula = /^[=+\-@\t\r]/.test(text) && !Number.isFinite(Number(text));
  const safe = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
