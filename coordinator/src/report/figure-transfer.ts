import { axisX, axisY, cell, text } from '@observablehq/plot';
import { readingValue } from '@qfleet/shared/reading.ts';
import type { PlaceComparison } from '../analysis/comparison.ts';
import { drawSvg, marginFor } from './draw-svg.ts';
import { type Figure, figureColor } from './figure.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

/** Places and variants whose cells can still be read. */
const maxPlaces = 40;
const maxVariants = 10;
/** Variants whose names fit side by side. */
const maxUpright = 5;

type Verdict = PlaceComparison['transfer']['verdict'];

/** Shade, and a sign that tells it without colour. */
const verdicts: Readonly<Record<Verdict, { readonly sign: string; readonly color: number | undefined }>> = {
  transfers: { sign: '✓', color: 3 },
  'transfers with loss': { sign: '~', color: 5 },
  'does not transfer': { sign: '✗', color: 1 },
  'cannot be said': { sign: '?', color: undefined },
};

/**
 * The verdict on each variant in each place as a map, with the speed-up there and the accuracy lost from the reference
 * place; of the first scenario and settings. Undefined where places have nothing to be compared with.
 */
export function transferFigure(report: Report): Figure | undefined {
  const quantized = report.variants.filter(({ isReference }) => !isReference).slice(0, maxVariants);
  const places = report.places.filter(({ isReference }) => !isReference).slice(0, maxPlaces);
  const rows = places.flatMap((place) =>
    quantized.flatMap((variant) => {
      const found = report.comparisons.find(
        (one) => one.placeId === place.id && one.variant.digest === variant.digest,
      );
      if (!found) return [];
      const { verdict } = found.transfer;
      const { sign, color } = verdicts[verdict];
      const speedUp = readingValue(
        report.cells.find(
          (one) =>
            one.placeId === place.id &&
            one.variant.digest === variant.digest &&
            one.scenario === found.scenario &&
            one.settingsDigest === found.settingsDigest,
        )?.readings['speedup'],
      );
      const points = readingValue(found.readings['transfer.accuracy.difference']);
      const numbers = [
        ...(speedUp === undefined ? [] : [`×${speedUp.toFixed(2)}`]),
        ...(points === undefined ? [] : [`${signed(-points)} pt`]),
      ];
      return [
        {
          place: placeText(place),
          variant: stripControl(variant.name),
          verdict,
          numbers: numbers.join(', '),
          words: [[sign, ...numbers.slice(0, 1)].join('  '), ...numbers.slice(1)].join('\n'),
          shade:
            color === undefined
              ? 'color-mix(in srgb, currentColor 8%, transparent)'
              : `color-mix(in srgb, ${figureColor(color)} 38%, transparent)`,
        },
      ];
    }),
  );
  if (rows.length === 0) return undefined;
  const names = [...new Set(rows.map(({ place }) => place))];
  const variants = [...new Set(rows.map(({ variant }) => variant))];
  const reference = placeText(report.places.find(({ isReference }) => isReference));
  const title = 'Does it transfer?';
  const isCrowded = variants.length > maxUpright;
  const marginTop = isCrowded ? 96 : 32;
  const svg = drawSvg(
    {
      height: 38 + marginTop + names.length * 42,
      marginTop,
      marginLeft: marginFor(names),
      x: { domain: variants, label: null },
      y: { domain: names, label: null },
      marks: [
        axisX({ tickSize: 0, anchor: 'top', tickRotate: isCrowded ? -30 : 0 }),
        axisY({ tickSize: 0 }),
        cell(rows, { x: 'variant', y: 'place', fill: 'shade', inset: 1 }),
        text(rows, { x: 'variant', y: 'place', text: 'words', fill: 'currentColor' }),
      ],
    },
    title,
  );
  const counts = Object.keys(verdicts).flatMap((verdict) => {
    const count = rows.filter((row) => row.verdict === verdict).length;
    return count > 0 ? [`${count} × ${verdicts[verdict as Verdict].sign} ${verdict}`] : [];
  });
  return {
    id: 'figure-transfer',
    title,
    summary: `Against ${reference}: ${counts.join(', ')}. × is the speed-up over fp32 in that place, pt the accuracy gained or lost from ${reference}, in points.`,
    svg,
    legend: [],
    table: {
      columns: [
        { title: 'place', numeric: false },
        { title: 'variant', numeric: false },
        { title: 'verdict', numeric: false },
        { title: 'speed-up, points', numeric: false },
      ],
      rows: rows.map(({ place, variant, verdict, numbers }) => [place, variant, verdict, numbers || '-']),
    },
  };
}

function signed(points: number): string {
  const shown = points.toFixed(2);
  return points > 0 && Number(shown) !== 0 ? `+${shown}` : shown.replace('-', '−');
}
