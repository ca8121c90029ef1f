import type { Footnotes } from './footnotes.ts';
import { placeColumns, verdictText } from './place-columns.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';
import { tableOfReadings } from './table-of-readings.ts';

/** How fast every variant is in every place, and whether the timing can be trusted. */
export function speedSection({ cells }: Report, footnotes: Footnotes): Section {
  return {
    id: 'speed',
    title: 'Speed',
    lead: 'Latency of one inference, single stream. Intervals are 95 % and resample launches; the speed-up is over fp32 in the same place, paired by round.',
    table: tableOfReadings(
      cells,
      [
        ...placeColumns(cells),
        { title: 'p50', quantity: 'latency.p50', reading: (c) => c.readings['latency.p50'], interval: true },
        { title: 'p90', quantity: 'latency.p90', reading: (c) => c.readings['latency.p90'] },
        { title: 'p99', quantity: 'latency.p99', reading: (c) => c.readings['latency.p99'] },
        { title: 'throughput', quantity: 'throughput', reading: (c) => c.readings['throughput'] },
        { title: 'speed-up', quantity: 'speedup', reading: (c) => c.readings['speedup'], interval: true },
        { title: 'verdict', text: (c) => c.speed ?? (c.isReference ? 'ref' : 'undecided') },
        {
          title: 'timing',
          text: (c) => verdictText(c.timing, (text) => footnotes.code(stripControl(text))),
        },
      ],
      footnotes,
    ),
  };
}
