import type { Machine } from './describe-machine.ts';
import { type Figure, type FoundFigure, judgeGoal } from './figure.ts';

/** From this load average on, other work disturbs a measurement that takes one processor. */
const busyLoad = 0.5;

/** The table that `npm run bench` prints. */
export function formatFigures(machine: Machine, figures: readonly Figure[]): string {
  const rows = figures.map(formatRow);
  const lines = [['figure', 'value', 'unit', '95 % interval', 'goal', 'how'], ...rows];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const table = lines.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
  return [formatMachine(machine), '', ...table, ''].join('\n');
}

function formatRow(figure: Figure): string[] {
  if (!('value' in figure))
    return [figure.name, '–', figure.unit, '', '', `unavailable: ${figure.unavailable}`];
  return [
    figure.name,
    formatValue(figure),
    figure.unit,
    formatInterval(figure),
    formatGoal(figure),
    figure.note ?? '',
  ];
}

function formatMachine({ processor, processors, memoryBytes, kernel, node, load1 }: Machine): string {
  const gigabytes = (memoryBytes / 1e9).toFixed(0);
  const busy = load1 > busyLoad ? ' (busy: timings suffer)' : '';
  return `${processor}, ${processors} processors, ${gigabytes} GB, Linux ${kernel}, Node ${node}, load ${load1.toFixed(2)} before${busy}`;
}

function formatValue({ value, unit }: FoundFigure): string {
  if (unit === 'count') return String(value);
  return value >= 100 ? value.toFixed(0) : value.toPrecision(unit === '1' ? 4 : 3);
}

function formatInterval(figure: FoundFigure): string {
  const n = figure.n === undefined ? '' : `n = ${figure.n}`;
  if (!figure.interval) return n;
  const { low, high } = figure.interval;
  const digits = (value: number): string =>
    figure.unit === 'count' ? value.toFixed(1) : value.toPrecision(4);
  return `${digits(low)} … ${digits(high)}, ${n}`;
}

function formatGoal(figure: FoundFigure): string {
  if (!figure.goal) return '';
  const { goal } = figure;
  const sign = { 'at most': '≤', 'at least': '≥', between: 'in' }[goal.is];
  const limit = goal.is === 'between' ? `${goal.low}…${goal.high}` : goal.limit;
  return `${sign} ${limit}: ${judgeGoal(figure)}`;
}
