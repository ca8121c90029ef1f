import type { Cell } from '../analysis/cell.ts';
import { differingLayers } from '../analysis/compatibility.ts';
import type { Footnotes } from './footnotes.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';
import { type Column, tableOfReadings } from './table-of-readings.ts';

type Row = Report['compatibility'][number] & { readonly cell: Cell };

/** Which layers of each variant really compute on integers, place by place, and whether that was to be expected. */
export function compatibilitySection(report: Report, footnotes: Footnotes): Section {
  const rows = rowsOf(report);
  return {
    id: 'compatibility',
    title: 'Compatibility',
    lead: 'Layers that multiply and accumulate, by the kernels that took them. Expected: what the file lets expect by the runtime’s rules, before it ran. MACs, bytes and time: shares in integer kernels. Conversions: operators that only quantize or dequantize.',
    table: tableOfReadings(
      rows,
      [
        ...placeColumnsOf(),
        { title: 'integer', text: (row) => layersText(row, footnotes) },
        { title: 'expected', text: expectedText },
        { title: 'of MACs', text: ({ macShare }) => percent(macShare) },
        { title: 'of bytes', text: ({ byteShare }) => percent(byteShare) },
        {
          title: 'of time',
          quantity: 'operators.integer.share',
          reading: ({ cell }) => cell.readings['operators.integer.share'],
        },
        { title: 'conversions', text: (row) => (row.reason === undefined ? String(row.converts) : '-') },
        { title: 'otherwise than expected', text: surprisesText },
      ],
      footnotes,
    ),
  };
}

/** Layers that one place computes on integers and another in float. */
export function differingLayersSection(report: Report): Section {
  const rows = report.variants.flatMap((variant) => {
    const cells = rowsOf(report).flatMap(({ cell }) =>
      cell.variant.digest === variant.digest ? [cell] : [],
    );
    return differingLayers(cells).map(({ layer, kinds }) => [
      stripControl(variant.name),
      stripControl(layer),
      kinds
        .map(({ cell, type, kind }) => {
          const place = report.places.find(({ id }) => id === cell.placeId);
          return stripControl(`${placeText(place)}: ${type}, ${kind}`);
        })
        .join('; '),
    ]);
  });
  return {
    id: 'differing-layers',
    title: 'Layers that run otherwise elsewhere',
    lead: 'Of the same file, in integer kernels in one place and in float in another.',
    table: { columns: ['variant', 'layer', 'kernels'].map((title) => ({ title, numeric: false })), rows },
    isDetail: true,
  };
}

/** Why quantized variants are not faster, where they are not. */
export function slowInt8Section(report: Report): Section {
  const rows = rowsOf(report)
    .filter(({ whyNotFaster }) => whyNotFaster.length > 0)
    .map(({ cell, whyNotFaster }) => [
      stripControl(cell.deviceName),
      cell.backend.id,
      stripControl(cell.variant.name),
      cell.speed ?? '',
      stripControl(whyNotFaster.join('; ')),
    ]);
  const titles = ['device', 'backend', 'variant', 'against fp32', 'why'];
  return {
    id: 'slow-int8',
    title: 'Why int8 does not pay there',
    lead: 'For quantized variants that are not faster than fp32 in the same place: what the profile, the roofs and the processor say, the largest first.',
    table: { columns: titles.map((title) => ({ title, numeric: false })), rows },
  };
}

function rowsOf({ compatibility, cells }: Report): Row[] {
  return compatibility.flatMap((entry) => {
    const cell = cells.find(({ id }) => id === entry.cellId);
    return cell ? [{ ...entry, cell }] : [];
  });
}

function placeColumnsOf(): Column<Row>[] {
  return [
    { title: 'device', text: ({ cell }) => cell.deviceName },
    { title: 'backend', text: ({ cell }) => cell.backend.id },
    { title: 'variant', text: ({ cell }) => cell.variant.name },
  ];
}

function layersText({ layers, reason }: Row, footnotes: Footnotes): string {
  const found = layers.integer + layers.float;
  if (found === 0) return `n/a (${footnotes.code(stripControl(reason ?? 'no layer was recognised'))})`;
  const left = layers.unmatched > 0 ? `, ${layers.unmatched} not found` : '';
  return `${layers.integer} of ${found}${left}`;
}

function expectedText({ expectedInteger, layers }: Row): string {
  if (expectedInteger === undefined || layers.integer + layers.float === 0) return '-';
  return String(expectedInteger);
}

function surprisesText({ surprises, expectedInteger }: Row): string {
  if (expectedInteger === undefined) return '-';
  if (surprises.length === 0) return 'none';
  const shown = surprises.slice(0, 3).map(({ layer, found }) => `${layer}: ${found}`);
  return `${shown.join(', ')}${surprises.length > 3 ? ` and ${surprises.length - 3} more` : ''}`;
}

function percent(share: number | undefined): string {
  return share === undefined ? '-' : `${(100 * share).toFixed(1)} %`;
}
