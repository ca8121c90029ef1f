import { axisX, axisY, dot, line } from '@observablehq/plot';
import { drawSvg } from './draw-svg.ts';
import { type Figure, figureColor, figureSymbol } from './figure.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

/** Variants whose lines can still be told apart. */
const maxVariants = 8;

/**
 * SQNR of every quantized tensor against float32, from the input to the outputs, a line for each variant; tensors that
 * quantizing does not change have none. Undefined where no variant was checked.
 */
export function layerCheckFigure({ variants }: Report): Figure | undefined {
  const checked = variants.flatMap(({ name, layerCheck }) =>
    layerCheck ? [{ name: stripControl(name), layerCheck }] : [],
  );
  const shown = checked.slice(0, maxVariants);
  const rows = shown.flatMap(({ name, layerCheck }) =>
    [...layerCheck.activations, ...layerCheck.outputs].flatMap(({ tensor, simulationSqnrDb }, i) =>
      simulationSqnrDb === undefined
        ? []
        : [
            {
              variant: name,
              position: i + 1,
              tensor: stripControl(tensor),
              sqnr: simulationSqnrDb,
              words: `${name}, ${stripControl(tensor)}: ${simulationSqnrDb.toFixed(1)} dB`,
            },
          ],
    ),
  );
  if (rows.length === 0) return undefined;
  const names = shown.map(({ name }) => name);
  const title = 'What quantizing costs on the way through the network';
  const svg = drawSvg(
    {
      height: 340,
      marginLeft: 52,
      x: { label: 'tensor, in the order of computation', grid: false },
      y: { label: 'SQNR against float32, dB', grid: true, nice: true },
      color: { domain: names, range: names.map((_, i) => figureColor(i)) },
      symbol: { domain: names, range: names.map((_, i) => figureSymbol(i)) },
      marks: [
        axisX({ ticks: 8, tickFormat: (value: number) => (Number.isInteger(value) ? String(value) : '') }),
        axisY({ ticks: 6 }),
        line(rows, { x: 'position', y: 'sqnr', stroke: 'variant', strokeOpacity: 0.7 }),
        dot(rows, { x: 'position', y: 'sqnr', stroke: 'variant', symbol: 'variant', r: 3.5, title: 'words' }),
      ],
    },
    title,
  );
  const worst = rows.reduce((least, row) => (row.sqnr < least.sqnr ? row : least));
  const left =
    checked.length > shown.length ? ` The first ${shown.length} of ${checked.length} variants.` : '';
  return {
    id: 'figure-layer-check',
    title,
    summary: `Lower is worse; where a line falls for good, a layer has lost what those after it would need. Lowest: ${worst.words}.${left}`,
    svg,
    legend: names.map((label, i) => ({ label, color: figureColor(i), symbol: figureSymbol(i) })),
    table: {
      columns: [
        { title: 'variant', numeric: false },
        { title: 'position', numeric: true },
        { title: 'tensor', numeric: false },
        { title: 'SQNR, dB', numeric: true },
      ],
      rows: rows.map(({ variant, position, tensor, sqnr }) => [
        variant,
        String(position),
        tensor,
        sqnr.toFixed(1),
      ]),
    },
  };
}
