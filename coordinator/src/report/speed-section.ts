import { unavailable } from '@qfleet/shared/reading.ts';
import type { Cell } from '../analysis/cell.ts';
import type { Footnotes } from './footnotes.ts';
import { placeColumns, verdictText } from './place-columns.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';
import { type Column, tableOfReadings } from './table-of-readings.ts';

/** How fast every variant is in every place, and whether the timing can be trusted. */
export function speedSection({ cells }: Report, footnotes: Footnotes): Section {
  return {
    id: 'speed',
    title: 'Speed',
    lead: `${leadOf(cells)} Intervals are 95 % and resample launches; the speed-up is over fp32 in the same place, by a paired t test over launches of equal rounds.`,
    table: tableOfReadings(
      cells,
      [
        ...placeColumns(cells),
        { title: 'p50', quantity: 'latency.p50', reading: (c) => c.readings['latency.p50'], interval: true },
        { title: 'p90', quantity: 'latency.p90', reading: (c) => c.readings['latency.p90'] },
        { title: 'p99', quantity: 'latency.p99', reading: (c) => c.readings['latency.p99'] },
        ...scenarioColumns(cells),
        { title: 'speed-up', quantity: 'speedup', reading: (c) => c.readings['speedup'], interval: true },
        { title: 'verdict', text: (c) => c.speed ?? (c.isReference ? 'ref' : 'insufficient') },
        {
          title: 'timing',
          text: (c) => timingText(c, footnotes),
        },
      ],
      footnotes,
    ),
  };
}

const leads: Readonly<Record<string, string>> = {
  'single-stream': 'Single stream: latency of one inference.',
  'multi-stream': 'Multi-stream: latency of a query of several samples.',
  server: 'Server: latency from the scheduled arrival, at the highest rate that kept the bound.',
  offline: 'Offline: latency of one inference while all samples are worked off.',
  'fixed-rate':
    'Fixed rate: latency from the arrival of a frame; frames that still wait when the next comes are dropped.',
};

function leadOf(cells: readonly Cell[]): string {
  return [...new Set(cells.map(({ scenario }) => scenario))]
    .map((scenario) => leads[scenario] ?? '')
    .join(' ');
}

/** Quantities that not every scenario has stand only where some cell has them. */
function scenarioColumns(cells: readonly Cell[]): Column<Cell>[] {
  const columns = [
    { title: 'throughput', quantity: 'throughput', unit: '1/s' },
    { title: 'highest rate', quantity: 'rate.max', unit: '1/s', interval: true },
    { title: 'frames dropped', quantity: 'frames.dropped.share', unit: '1' },
  ];
  return columns
    .filter(({ quantity }) => cells.some((cell) => cell.readings[quantity] !== undefined))
    .map(({ unit, ...column }) => ({
      ...column,
      reading: (cell: Cell) =>
        cell.readings[column.quantity] ?? unavailable(column.quantity, unit, 'not-of-this-scenario'),
    }));
}

/** The verdict with its reasons, and what other series of launches came to. */
function timingText({ timing, series }: Cell, footnotes: Footnotes): string {
  const text = verdictText(timing, (reasons) => footnotes.code(stripControl(reasons)));
  if (!series) return text;
  const { tried, chosen } = series;
  const told = `all launches of the job were made ${tried.length} times, the worst verdicts being ${tried.join(', ')}; series ${chosen + 1} counts`;
  return `${text}, series ${chosen + 1} of ${tried.length} (${footnotes.code(told)})`;
}
