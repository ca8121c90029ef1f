import type { Reading } from '@qfleet/shared/reading.ts';

/** Readings as an aligned table: quantity, value with its interval, status, method and number of observations. */
export function formatReadings(readings: readonly Reading[]): string {
  const rows = readings.map((reading) =>
    reading.status === 'unavailable'
      ? [reading.quantity, '–', 'unavailable', reading.reason]
      : [
          reading.quantity,
          formatWithInterval(reading),
          reading.status,
          `${reading.method}${reading.n ? `, n = ${reading.n}` : ''}`,
        ],
  );
  const table = [['quantity', 'value [95 % interval]', 'status', 'method'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function formatWithInterval({ value, unit, interval }: Extract<Reading, { value: number }>): string {
  const [scale, shown] = chooseUnit(unit, value);
  const format = (number: number): string => formatNumber(number / scale);
  return `${format(value)}${interval ? ` [${format(interval.low)}, ${format(interval.high)}]` : ''} ${shown}`;
}

function chooseUnit(unit: string, value: number): [number, string] {
  if (unit === 'ns') return value >= 1e6 ? [1e6, 'ms'] : [1e3, 'µs'];
  if (unit === 'B') return value >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  return [1, unit];
}

/** Four significant digits. */
function formatNumber(value: number): string {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}
