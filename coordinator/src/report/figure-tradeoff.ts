import { axisX, axisY, dot, ruleX, ruleY } from '@observablehq/plot';
import type { Cell } from '../analysis/cell.ts';
import { drawSvg } from './draw-svg.ts';
import { type Figure, figureColor, figureSymbol } from './figure.ts';
import { chooseScale, formatValue } from './format-quantity.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

const percent = { unit: '%', factor: 100, decimals: 2 };

/**
 * Accuracy against latency: top-1, or agreement with fp32 where there are no labels that fit. Colour is the
 * variant, the mark is the place. Undefined where no cell has both.
 */
export function tradeoffFigure(report: Report): Figure | undefined {
  const byAccuracy = pointsOf(report.cells, 'accuracy.top1');
  const [points, quality] =
    byAccuracy.length > 0
      ? [byAccuracy, 'top-1 accuracy']
      : [pointsOf(report.cells, 'agreement.top1'), 'agreement with fp32'];
  if (points.length === 0) return undefined;
  const scale = chooseScale(
    'latency.p50',
    'ns',
    points.map((point) => point.latency.value),
  );
  const variants = [...new Set(points.map((point) => point.variant))];
  const places = [...new Set(points.map((point) => point.place))];
  const rows = points.map((point) => ({
    place: point.place,
    variant: point.variant,
    x: point.latency.value * scale.factor,
    xLow: point.latency.low * scale.factor,
    xHigh: point.latency.high * scale.factor,
    y: point.quality.value * 100,
    yLow: point.quality.low * 100,
    yHigh: point.quality.high * 100,
    words: `${point.variant} on ${point.place}: ${formatValue(point.quality.value, percent)} %, ${formatValue(point.latency.value, scale)} ${scale.unit}`,
  }));
  const title = `${quality[0]!.toUpperCase()}${quality.slice(1)} against latency`;
  const svg = drawSvg(
    {
      height: 380,
      marginLeft: 52,
      x: { type: 'log', label: `p50 latency, ${scale.unit} (logarithmic)`, grid: true },
      y: { label: `${quality}, %`, grid: true, nice: true },
      color: { domain: variants, range: variants.map((_, i) => figureColor(i)) },
      symbol: { domain: places, range: places.map((_, i) => figureSymbol(i)) },
      marks: [
        axisX({ ticks: 6, tickFormat: (value: number) => String(Number(value.toPrecision(3))) }),
        axisY({ ticks: 6 }),
        ruleX(rows, { x: 'x', y1: 'yLow', y2: 'yHigh', stroke: 'variant', strokeOpacity: 0.6 }),
        ruleY(rows, { y: 'y', x1: 'xLow', x2: 'xHigh', stroke: 'variant', strokeOpacity: 0.6 }),
        dot(rows, {
          x: 'x',
          y: 'y',
          stroke: 'variant',
          fill: 'variant',
          symbol: 'place',
          r: 6,
          title: 'words',
        }),
      ],
    },
    title,
  );
  return {
    id: 'figure-tradeoff',
    title,
    summary: summarise(rows, quality, scale.unit),
    svg,
    legend: [
      ...variants.map((label, i) => ({ label, color: figureColor(i), symbol: 'circle' as const })),
      ...places.map((label, i) => ({ label, color: 'currentColor', symbol: figureSymbol(i) })),
    ],
    table: {
      columns: [
        { title: 'place', numeric: false },
        { title: 'variant', numeric: false },
        { title: `p50, ${scale.unit}`, numeric: true },
        { title: `${quality} [95 % interval], %`, numeric: true },
      ],
      rows: rows.map((row) => [
        row.place,
        row.variant,
        formatValue(row.x, { unit: '', factor: 1 }),
        `${row.y.toFixed(2)} [${row.yLow.toFixed(2)}, ${row.yHigh.toFixed(2)}]`,
      ]),
    },
  };
}

interface Spread {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

function pointsOf(cells: readonly Cell[], quality: string) {
  return cells.flatMap((cell) => {
    const latency = spreadOf(cell, 'latency.p50');
    const right = spreadOf(cell, quality);
    if (!latency || !right) return [];
    const place = placeText({ deviceName: cell.deviceName, backendId: cell.backend.id });
    return [{ place, variant: stripControl(cell.variant.name), latency, quality: right }];
  });
}

function spreadOf(cell: Cell, quantity: string): Spread | undefined {
  const reading = cell.readings[quantity];
  if (!reading || reading.status === 'unavailable') return undefined;
  const { value, interval } = reading;
  return { value, low: interval?.low ?? value, high: interval?.high ?? value };
}

/** Names the cells that no other one beats in both. */
function summarise(
  rows: readonly { x: number; y: number; words: string }[],
  quality: string,
  unit: string,
): string {
  const best = rows.filter((row) => !rows.some((other) => other.x < row.x && other.y >= row.y));
  const fastest = best.toSorted((a, b) => a.x - b.x).slice(0, 5);
  return `Up and to the left is better. No other point is both faster and better than: ${fastest.map((row) => row.words).join('; ')}. Vertical bars are 95 % intervals of the ${quality}, horizontal ones of the latency in ${unit}.`;
}
