import { axisX, axisY, barX, text } from '@observablehq/plot';
import { drawSvg, marginFor } from './draw-svg.ts';
import { type Figure, figureColor } from './figure.ts';
import { chooseScale, formatValue, threeFigures } from './format-quantity.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

/** File size by variant; undefined without variants. */
export function sizeFigure({ variants }: Report): Figure | undefined {
  if (variants.length === 0) return undefined;
  const scale = chooseScale(
    'model.size',
    'B',
    variants.map((variant) => variant.sizeBytes),
  );
  const rows = variants.map((variant) => ({
    variant: stripControl(variant.name),
    size: variant.sizeBytes * scale.factor,
    words: `${formatValue(variant.sizeBytes, scale)} ${scale.unit}`,
  }));
  const names = rows.map((row) => row.variant);
  const title = 'Size by variant';
  const svg = drawSvg(
    {
      height: 84 + rows.length * 28,
      marginLeft: marginFor(names),
      marginRight: 80,
      x: { label: `file size, ${scale.unit}`, grid: true },
      y: { domain: names, label: null },
      color: { domain: names, range: names.map((_, i) => figureColor(i)) },
      marks: [
        axisX({ ticks: 6 }),
        axisY({ tickSize: 0 }),
        barX(rows, { x: 'size', y: 'variant', fill: 'variant', title: 'words' }),
        text(rows, {
          x: 'size',
          y: 'variant',
          text: 'words',
          textAnchor: 'start',
          dx: 6,
          fill: 'currentColor',
        }),
      ],
    },
    title,
  );
  const reference = variants.find((variant) => variant.isReference) ?? variants[0]!;
  const smallest = variants.reduce((best, variant) => (variant.sizeBytes < best.sizeBytes ? variant : best));
  return {
    id: 'figure-size',
    title,
    summary: `The smallest is ${stripControl(smallest.name)} with ${formatValue(smallest.sizeBytes, scale)} ${scale.unit}, ${threeFigures(reference.sizeBytes / smallest.sizeBytes)} times smaller than ${stripControl(reference.name)}.`,
    svg,
    legend: [],
    table: {
      columns: [
        { title: 'variant', numeric: false },
        { title: `size, ${scale.unit}`, numeric: true },
      ],
      rows: variants.map((variant) => [stripControl(variant.name), formatValue(variant.sizeBytes, scale)]),
    },
  };
}
