import type { Footnotes } from './footnotes.ts';
import { placeColumns } from './place-columns.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { tableOfReadings } from './table-of-readings.ts';

/** What minutes without a pause do to a variant, where the plan asked for them. */
export function sustainedSection({ cells }: Report, footnotes: Footnotes): Section {
  const sustained = cells.filter((cell) => cell.readings['sustained.onset'] !== undefined);
  return {
    id: 'sustained',
    title: 'Sustained runs',
    lead: 'Median latency after minutes without a pause, in a launch of its own. Onset: since when two windows in a row were slower than the first minute by more than a tenth.',
    table: tableOfReadings(
      sustained,
      [
        ...placeColumns(cells),
        ...[1, 5, 30].map((minute) => {
          const quantity = `sustained.p50.minute-${minute}`;
          return {
            title: `minute ${minute}`,
            quantity,
            reading: (c: (typeof cells)[number]) => c.readings[quantity],
          };
        }),
        { title: 'onset', quantity: 'sustained.onset', reading: (c) => c.readings['sustained.onset'] },
      ],
      footnotes,
    ),
  };
}
