import type { Reading } from '@qfleet/shared/reading.ts';
import { readingValue } from '@qfleet/shared/reading.ts';
import type { Footnotes } from './footnotes.ts';
import { chooseScale, formatValue, type Scale } from './format-quantity.ts';
import type { SectionTable } from './section.ts';
import { stripControl } from './strip-control.ts';

/** A column of a table over rows of type `Row`: plain text, or a reading in the column's unit. */
export type Column<Row> =
  | { readonly title: string; readonly text: (row: Row) => string }
  | {
      readonly title: string;
      readonly quantity: string;
      readonly reading: (row: Row) => Reading | undefined;
      /** Whether the interval stands beside the value. */
      readonly interval?: boolean;
    };

/** Lays rows out in columns; the unit of a column of readings stands in its header, missing values become footnotes. */
export function tableOfReadings<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  footnotes: Footnotes,
): SectionTable {
  const laid = columns.map((column) => layColumn(rows, column, footnotes));
  return {
    columns: laid.map(({ title, numeric }) => ({ title, numeric })),
    rows: rows.map((_, index) => laid.map((column) => column.cells[index]!)),
  };
}

/** A reading as text: value and interval, `ref` on the reference itself, or why it is missing as a footnote. */
export function readingText(
  reading: Reading | undefined,
  options: { readonly scale: Scale; readonly footnotes: Footnotes; readonly interval?: boolean },
): string {
  const { scale, footnotes, interval } = options;
  if (!reading) return `n/a (${footnotes.code('not-reported')})`;
  if (reading.status === 'unavailable') {
    if (reading.reason.startsWith('reference')) return 'ref';
    const word = reading.flags?.includes('identical') ? 'identical' : 'n/a';
    return `${word} (${footnotes.code(stripControl(reading.reason))})`;
  }
  const value = formatValue(reading.value, scale);
  if (!interval) return value;
  if (!reading.interval) return `${value} (no interval)`;
  return `${value} [${formatValue(reading.interval.low, scale)}, ${formatValue(reading.interval.high, scale)}]`;
}

function layColumn<Row>(
  rows: readonly Row[],
  column: Column<Row>,
  footnotes: Footnotes,
): { title: string; numeric: boolean; cells: string[] } {
  if ('text' in column) {
    return { title: column.title, numeric: false, cells: rows.map((row) => stripControl(column.text(row))) };
  }
  const readings = rows.map((row) => column.reading(row));
  const values = readings.map(readingValue).filter((value) => value !== undefined);
  const unit = readings.find((reading) => reading !== undefined)?.unit ?? '1';
  const scale = chooseScale(column.quantity, unit, values);
  const cells = readings.map((reading) =>
    readingText(reading, { scale, footnotes, interval: column.interval ?? false }),
  );
  // Without a value there is nothing that the unit could be of, and no size by which to choose one.
  const isBare = scale.unit === '' || values.length === 0;
  const title = isBare ? column.title : `${column.title}, ${scale.unit}`;
  return { title, numeric: true, cells };
}
