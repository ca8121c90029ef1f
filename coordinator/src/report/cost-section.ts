import type { Footnotes } from './footnotes.ts';
import { placeColumns } from './place-columns.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { tableOfReadings } from './table-of-readings.ts';

/** What every variant costs besides time per inference. */
export function costSection({ cells }: Report, footnotes: Footnotes): Section {
  return {
    id: 'cost',
    title: 'Size, memory and cold start',
    lead: 'Medians over launches; each launch is a fresh process. Load: the backend; create: the session; first: the first inference. Integer: share of the time in operators that 8-bit kernels take.',
    table: tableOfReadings(
      cells,
      [
        ...placeColumns(cells),
        { title: 'size', quantity: 'model.size', reading: (c) => c.readings['model.size'] },
        { title: 'peak memory', quantity: 'memory.peak', reading: (c) => c.readings['memory.peak'] },
        { title: 'load', quantity: 'cold.load', reading: (c) => c.readings['cold.load'] },
        { title: 'create', quantity: 'cold.create', reading: (c) => c.readings['cold.create'] },
        { title: 'first', quantity: 'cold.first', reading: (c) => c.readings['cold.first'] },
        {
          title: 'integer',
          quantity: 'operators.integer.share',
          reading: (c) => c.readings['operators.integer.share'],
        },
      ],
      footnotes,
    ),
  };
}
