import { axisX, axisY, dot, ruleY, text } from '@observablehq/plot';
import { readingValue } from '@qfleet/shared/reading.ts';
import type { Cell } from '../analysis/cell.ts';
import { drawSvg, marginFor } from './draw-svg.ts';
import { type Figure, figureColor, figureSymbol } from './figure.ts';
import { chooseScale, formatValue } from './format-quantity.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

/** Median latency by place and variant, with intervals; undefined where nothing was timed. */
export function latencyFigure(report: Report): Figure | undefined {
  const points = report.cells.flatMap((cell) => pointOf(cell) ?? []);
  if (points.length === 0) return undefined;
  const variants = [...new Set(points.map((point) => point.variant))];
  const scale = chooseScale(
    'latency.p50',
    'ns',
    points.map((point) => point.p50),
  );
  const rows = points.map((point) => ({
    ...point,
    value: point.p50 * scale.factor,
    low: point.low * scale.factor,
    high: point.high * scale.factor,
    words: `${formatValue(point.p50, scale)} [${formatValue(point.low, scale)}, ${formatValue(point.high, scale)}] ${scale.unit}`,
  }));
  const places = [...new Set(rows.map((row) => row.place))];
  const title = 'Median latency by place and variant';
  const svg = drawSvg(
    {
      height: 90 + places.length * (24 + variants.length * 20),
      marginLeft: marginFor(variants),
      marginRight: 150,
      x: { type: 'log', label: `p50 latency, ${scale.unit} (logarithmic)`, grid: true },
      y: { domain: variants, label: null },
      fy: { domain: places, axis: null, padding: 0.25 },
      color: { domain: variants, range: variants.map((_, i) => figureColor(i)) },
      symbol: { domain: variants, range: variants.map((_, i) => figureSymbol(i)) },
      marks: [
        axisX({ ticks: 6, tickFormat: (value: number) => String(Number(value.toPrecision(3))) }),
        axisY({ tickSize: 0 }),
        text(
          places.map((place) => ({ place })),
          {
            fy: 'place',
            text: 'place',
            frameAnchor: 'top-left',
            dy: -12,
            fontWeight: 'bold',
            fill: 'currentColor',
          },
        ),
        ruleY(rows, { fy: 'place', y: 'variant', x1: 'low', x2: 'high', stroke: 'variant', strokeWidth: 3 }),
        dot(rows, {
          fy: 'place',
          y: 'variant',
          x: 'value',
          fill: 'variant',
          symbol: 'variant',
          r: 4.5,
          title: 'words',
        }),
        text(rows, {
          fy: 'place',
          y: 'variant',
          x: 'high',
          text: 'words',
          textAnchor: 'start',
          dx: 10,
          fill: 'currentColor',
          fontSize: 11,
        }),
      ],
    },
    title,
  );
  return {
    id: 'figure-latency',
    title,
    summary: summarise(rows),
    svg,
    legend: [],
    table: {
      columns: ['place', 'variant', `p50 [95 % interval], ${scale.unit}`].map((column, i) => ({
        title: column,
        numeric: i === 2,
      })),
      rows: rows.map((row) => [row.place, row.variant, row.words.slice(0, -scale.unit.length - 1)]),
    },
  };
}

function pointOf(cell: Cell) {
  const reading = cell.readings['latency.p50'];
  const p50 = readingValue(reading);
  if (p50 === undefined || reading?.status === 'unavailable') return undefined;
  return {
    place: placeText({ deviceName: cell.deviceName, backendId: cell.backend.id }),
    variant: stripControl(cell.variant.name),
    p50,
    low: reading?.interval?.low ?? p50,
    high: reading?.interval?.high ?? p50,
  };
}

function summarise(
  rows: readonly { place: string; variant: string; value: number; words: string }[],
): string {
  const sorted = rows.toSorted((a, b) => a.value - b.value);
  const fastest = sorted[0]!;
  const slowest = sorted.at(-1)!;
  return `Fastest: ${fastest.variant} on ${fastest.place}, ${fastest.words}. Slowest: ${slowest.variant} on ${slowest.place}, ${slowest.words}. Bars are 95 % intervals over launches.`;
}
