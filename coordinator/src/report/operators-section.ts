import type { Footnotes } from './footnotes.ts';
import { formatValue } from './format-quantity.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';
import { readingText } from './table-of-readings.ts';

const percent = { unit: '%', factor: 100, decimals: 1 };

/** Operators as the runtime really executed them, after its fusions. */
export function operatorsSection({ cells }: Report, footnotes: Footnotes): Section {
  const rows = cells.flatMap((cell) =>
    cell.operators.map((operator) => [
      stripControl(cell.deviceName),
      cell.backend.id,
      stripControl(cell.variant.name),
      stripControl(operator.type),
      operator.kind,
      stripControl(operator.provider ?? '-'),
      formatValue(operator.count, { unit: '', factor: 1, decimals: 0 }),
      readingText(operator.timeShare, { scale: percent, footnotes }),
    ]),
  );
  const titles = ['device', 'backend', 'variant', 'operator', 'kind', 'provider', 'nodes', 'time, %'];
  return {
    id: 'operators',
    title: 'Operators',
    lead: 'From a profiled launch of its own. Integer: computes on 8-bit integers; convert: quantizes or dequantizes.',
    table: { columns: titles.map((title, index) => ({ title, numeric: index >= 6 })), rows },
    isDetail: true,
  };
}
