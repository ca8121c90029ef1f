import type { Cell, LayerUse } from '../analysis/cell.ts';
import type { Footnotes } from './footnotes.ts';
import { placeColumns } from './place-columns.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { type Column, tableOfReadings } from './table-of-readings.ts';

interface Row {
  readonly cell: Cell;
  readonly layer: LayerUse;
}

/** Each layer against its device's own roofs. */
export function layersSection({ cells }: Report, footnotes: Footnotes): Section {
  const rows = cells.flatMap((cell) => cell.layers.map((layer): Row => ({ cell, layer })));
  const unmatched = cells.reduce((sum, cell) => sum + cell.layersUnmatched, 0);
  const left = unmatched > 0 ? ` ${unmatched} layers were executed under other names and are left out.` : '';
  return {
    id: 'layers',
    title: 'Layers',
    lead: `Layers that multiply and accumulate, by the names of the model's file, from a profiled launch; the profiler slows short ones down. Shares are of the device's own measured roofs, bytes are activations, weights and outputs once; above 100 % a cache served them, or the machine was calmer than when it was probed.${left}`,
    table: tableOfReadings(rows, columnsOf(cells), footnotes),
    isDetail: true,
  };
}

function columnsOf(cells: readonly Cell[]): Column<Row>[] {
  const places = placeColumns(cells).flatMap((column) =>
    'text' in column ? [{ title: column.title, text: ({ cell }: Row) => column.text(cell) }] : [],
  );
  return [
    ...places,
    { title: 'layer', text: ({ layer }) => layer.name },
    { title: 'operator', text: ({ layer }) => layer.operator },
    { title: 'kernel', text: ({ layer }) => `${layer.type}, ${layer.kind}` },
    { title: '10⁶ MACs', text: ({ layer }) => (layer.macs / 1e6).toFixed(2) },
    { title: 'kB', text: ({ layer }) => (layer.bytes === undefined ? '-' : (layer.bytes / 1e3).toFixed(1)) },
    { title: 'time', quantity: 'layer.time', reading: ({ layer }) => layer.time },
    {
      title: 'of the compute roof',
      quantity: 'roof.compute.share',
      reading: ({ layer }) => layer.computeShare,
    },
    { title: 'of the memory roof', quantity: 'roof.memory.share', reading: ({ layer }) => layer.memoryShare },
  ];
}
