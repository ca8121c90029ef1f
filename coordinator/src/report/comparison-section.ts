import type { Cell } from '../analysis/cell.ts';
import type { PlaceComparison } from '../analysis/comparison.ts';
import type { Footnotes } from './footnotes.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';
import { type Column, tableOfReadings } from './table-of-readings.ts';

/** How much slower or faster a place is than the reference place, and whether quantizing pays in both. */
export function placeSpeedSection(report: Report, footnotes: Footnotes): Section {
  return {
    id: 'place-speed',
    title: 'Between places: speed',
    lead: `Each place against ${referenceText(report)}, the same variant file in both. Ratio: latency there over latency here, above 1 where this place is faster; its interval is a Welch t test over the launches of both.`,
    table: tableOfReadings(
      report.comparisons,
      [
        ...rowColumns(report),
        {
          title: 'ratio',
          quantity: 'transfer.latency.ratio',
          reading: (row) => row.readings['transfer.latency.ratio'],
          interval: true,
        },
        { title: 'here', text: (row) => row.speed ?? 'insufficient' },
        {
          title: 'speed-up here',
          quantity: 'speedup',
          reading: (row) => here(report, row)?.readings['speedup'],
        },
        {
          title: 'speed-up there',
          quantity: 'speedup',
          reading: (row) => there(report, row)?.readings['speedup'],
        },
      ],
      footnotes,
    ),
  };
}

/** Whether the same file gives the same answers in a place as in the reference place. */
export function placeOutputsSection(report: Report, footnotes: Footnotes): Section {
  return {
    id: 'place-outputs',
    title: 'Between places: outputs',
    lead: `Each place against ${referenceText(report)}, the same variant file in both. Flips: inputs whose best class differs. Own flips: those among them for which fp32 gives the same answer in both places, so that they are the quantized variant's own. ${floorText(report)}`,
    table: tableOfReadings(
      report.comparisons,
      [
        ...rowColumns(report),
        {
          title: 'loss here',
          quantity: 'accuracy.loss',
          reading: (row) => here(report, row)?.readings['accuracy.loss'],
        },
        {
          title: 'loss there',
          quantity: 'accuracy.loss',
          reading: (row) => there(report, row)?.readings['accuracy.loss'],
        },
        { title: 'outputs', text: (row) => outputsText(row, footnotes) },
        {
          title: 'SQNR',
          quantity: 'transfer.sqnr.output',
          reading: (row) => row.readings['transfer.sqnr.output'],
        },
        {
          title: 'flips',
          quantity: 'transfer.flips.top1',
          reading: (row) => row.readings['transfer.flips.top1'],
          interval: true,
        },
        {
          title: 'own flips',
          quantity: 'transfer.flips.top1.variant',
          reading: (row) => row.readings['transfer.flips.top1.variant'],
        },
        { title: 'n', text: (row) => String(row.commonInputs) },
      ],
      footnotes,
    ),
  };
}

function floorText({ noiseFloor }: Report): string {
  if (noiseFloor.status !== 'unavailable') {
    return `The fleet’s noise floor, fp32 against fp32, is ${noiseFloor.value.toFixed(1)} dB.`;
  }
  return noiseFloor.reason.startsWith('identical') ? 'fp32 itself gives the same bytes everywhere.' : '';
}

function rowColumns(report: Report): Column<PlaceComparison>[] {
  const placeOf = (row: PlaceComparison) => report.places.find((place) => place.id === row.placeId);
  return [
    { title: 'device', text: (row) => placeOf(row)?.deviceName ?? row.placeId },
    { title: 'backend', text: (row) => placeOf(row)?.backendId ?? '' },
    { title: 'variant', text: (row) => row.variant.name },
  ];
}

function referenceText(report: Report): string {
  return placeText(report.places.find((place) => place.isReference));
}

function here(report: Report, row: PlaceComparison): Cell | undefined {
  return cellAt(report, row, row.placeId);
}

function there(report: Report, row: PlaceComparison): Cell | undefined {
  return cellAt(report, row, row.referencePlaceId);
}

function cellAt(report: Report, row: PlaceComparison, placeId: string): Cell | undefined {
  return report.cells.find(
    (cell) =>
      cell.placeId === placeId &&
      cell.variant.digest === row.variant.digest &&
      cell.scenario === row.scenario &&
      cell.settingsDigest === row.settingsDigest,
  );
}

function outputsText(row: PlaceComparison, footnotes: Footnotes): string {
  const word = row.outputs === 'not-compared' ? 'not compared' : row.outputs;
  return row.notes.length === 0 ? word : `${word} (${footnotes.code(stripControl(row.notes.join('; ')))})`;
}
