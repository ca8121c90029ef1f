import type { Cell } from '../analysis/cell.ts';
import type { Footnotes } from './footnotes.ts';
import { placeColumns } from './place-columns.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { type Column, tableOfReadings } from './table-of-readings.ts';

/** How close every variant comes to what its device can do, and the memory traffic behind it. */
export function rooflineSection({ cells }: Report, footnotes: Footnotes): Section {
  return {
    id: 'roofline',
    title: 'Distance from the roof',
    lead: "One inference against the device's own measured peaks: operations over ONNX Runtime's GEMM, bytes over the triad bandwidth. Without counters the bytes are the compulsory ones, weights, inputs and outputs once: the share of the memory roof is then a lower bound.",
    table: tableOfReadings(
      cells.filter((cell) => cell.launches.planned > 0),
      [
        ...placeColumns(cells),
        column('of the compute roof', 'roof.compute.share'),
        column('of the memory roof', 'roof.memory.share'),
        column('intensity', 'work.intensity'),
        column('bandwidth while running', 'bandwidth.run'),
        column('bytes per inference', 'bytes.inference'),
      ],
      footnotes,
    ),
  };
}

/** What the counters of the processor saw. */
export function countersSection({ cells }: Report, footnotes: Footnotes): Section {
  return {
    id: 'counters',
    title: 'Caches, cycles, energy',
    lead: 'Per inference, from a launch of its own under hardware counters and power meters. A refill is told by its cache level; figures of different levels or processors are not comparable.',
    table: tableOfReadings(
      cells.filter((cell) => cell.launches.planned > 0),
      [
        ...placeColumns(cells),
        column('cycles', 'cycles'),
        column('instructions', 'instructions'),
        column('per cycle', 'ipc'),
        column('L1d refills', 'cache.l1d.refills'),
        column('L2 refills', 'cache.l2.refills'),
        column('last-level misses', 'cache.llc.misses'),
        column('clock', 'frequency.actual'),
        column('hottest', 'temperature.max'),
        column('power', 'power.mean'),
        column('energy per inference', 'energy.inference'),
      ],
      footnotes,
    ),
  };
}

function column(title: string, quantity: string): Column<Cell> {
  return { title, quantity, reading: (cell) => cell.readings[quantity] };
}
