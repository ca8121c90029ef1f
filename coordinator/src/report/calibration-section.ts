import type { Footnotes } from './footnotes.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { type Column, tableOfReadings } from './table-of-readings.ts';

type Row = Report['calibrations'][number];

/** What the choice of calibration inputs does to the accuracy. */
export function calibrationSection(report: Report, footnotes: Footnotes): Section {
  const placeOf = (row: Row) => report.places.find(({ id }) => id === row.placeId);
  const columns: Column<Row>[] = [
    { title: 'device', text: (row) => placeOf(row)?.deviceName ?? row.placeId },
    { title: 'backend', text: (row) => placeOf(row)?.backendId ?? '' },
    { title: 'recipe', text: ({ recipe }) => recipe },
    { title: 'sets', text: ({ sets, size, pool }) => `${sets} of ${size} from ${pool}` },
    { title: 'mean loss', quantity: 'accuracy.loss', reading: ({ loss }) => loss, interval: true },
    {
      title: 'least … most',
      text: ({ range }) => (range ? `${range.least.toFixed(2)} … ${range.most.toFixed(2)}` : '-'),
    },
  ];
  return {
    id: 'calibrations',
    title: 'What the choice of calibration inputs does',
    lead: 'Variants of one recipe, calibrated with different random sets of inputs from one pool: top-1 loss against fp32, its mean over the sets with Student’s interval, and its range.',
    table: tableOfReadings(report.calibrations, columns, footnotes),
  };
}
