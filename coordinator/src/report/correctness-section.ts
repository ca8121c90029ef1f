import type { Footnotes } from './footnotes.ts';
import { placeColumns, verdictText } from './place-columns.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';
import { tableOfReadings } from './table-of-readings.ts';

/** How right every variant is in every place, and whether its outputs can be compared. */
export function correctnessSection({ cells }: Report, footnotes: Footnotes): Section {
  return {
    id: 'correctness',
    title: 'Correctness',
    lead: 'Loss, agreement and SQNR are against fp32 in the same place; the loss is paired over the same inputs (positive: worse than fp32).',
    table: tableOfReadings(
      cells,
      [
        ...placeColumns(cells),
        {
          title: 'top-1',
          quantity: 'accuracy.top1',
          reading: (c) => c.readings['accuracy.top1'],
          interval: true,
        },
        { title: 'top-5', quantity: 'accuracy.top5', reading: (c) => c.readings['accuracy.top5'] },
        {
          title: 'loss',
          quantity: 'accuracy.loss',
          reading: (c) => c.readings['accuracy.loss'],
          interval: true,
        },
        { title: 'agreement', quantity: 'agreement.top1', reading: (c) => c.readings['agreement.top1'] },
        { title: 'SQNR', quantity: 'sqnr.output', reading: (c) => c.readings['sqnr.output'] },
        { title: 'n', text: (c) => inputsText(c.readings) },
        {
          title: 'numerics',
          text: (c) => verdictText(c.numerics, (text) => footnotes.code(stripControl(text))),
        },
      ],
      footnotes,
    ),
  };
}

/** Inputs behind accuracy, else behind agreement. */
function inputsText(readings: Report['cells'][number]['readings']): string {
  for (const id of ['accuracy.top1', 'agreement.top1']) {
    const reading = readings[id];
    if (reading && reading.status !== 'unavailable' && reading.n !== undefined) return String(reading.n);
  }
  return '-';
}
