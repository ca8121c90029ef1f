import { areaX, axisX, axisY, line, text } from '@observablehq/plot';
import type { Cell } from '../analysis/cell.ts';
import { drawSvg } from './draw-svg.ts';
import { type Figure, figureColor, figureSymbol } from './figure.ts';
import { chooseScale, formatValue } from './format-quantity.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

/** Told apart without colour. */
const dashes = ['none', '6 3', '2 3', '10 3 2 3', '1 4', '14 4'];

/**
 * The empirical distribution of latencies, place by place, with the range of the launches around it; of the first
 * scenario and settings that each place timed. Undefined where none has enough samples.
 */
export function distributionFigure(report: Report): Figure | undefined {
  const cells = firstOfEachPlace(report.cells.filter(({ latencyCurve }) => latencyCurve.length > 0));
  if (cells.length === 0) return undefined;
  const points = cells.flatMap((cell) =>
    cell.latencyCurve.map((point) => ({
      ...point,
      place: placeText({ deviceName: cell.deviceName, backendId: cell.backend.id }),
      variant: stripControl(cell.variant.name),
    })),
  );
  const scale = chooseScale(
    'latency.p50',
    'ns',
    points.map(({ ns }) => ns),
  );
  const rows = points.map((point) => ({
    ...point,
    value: point.ns * scale.factor,
    least: point.leastNs * scale.factor,
    most: point.mostNs * scale.factor,
  }));
  const variants = [...new Set(rows.map(({ variant }) => variant))];
  const places = [...new Set(rows.map(({ place }) => place))];
  const title = 'How latencies are distributed';
  const svg = drawSvg(
    {
      height: 90 + places.length * 190,
      marginLeft: 60,
      marginTop: 40,
      x: { type: 'log', label: `latency, ${scale.unit} (logarithmic)`, grid: true },
      y: { domain: [0, 1], label: 'share of samples that take no longer', grid: true },
      fy: { domain: places, axis: null, padding: 0.25 },
      color: { domain: variants, range: variants.map((_, i) => figureColor(i)) },
      marks: [
        axisX({ ticks: 6, tickFormat: (value: number) => String(Number(value.toPrecision(3))) }),
        axisY({ ticks: 3 }),
        text(
          places.map((place) => ({ place })),
          {
            fy: 'place',
            text: 'place',
            frameAnchor: 'top-left',
            dy: -14,
            fontWeight: 'bold',
            fill: 'currentColor',
          },
        ),
        areaX(rows, {
          fy: 'place',
          y: 'share',
          x1: 'least',
          x2: 'most',
          z: 'variant',
          fill: 'variant',
          fillOpacity: 0.18,
        }),
        ...variants.map((variant, i) =>
          line(
            rows.filter((row) => row.variant === variant),
            {
              fy: 'place',
              x: 'value',
              y: 'share',
              stroke: 'variant',
              strokeWidth: 2,
              strokeDasharray: dashes[i % dashes.length]!,
            },
          ),
        ),
      ],
    },
    title,
  );
  return {
    id: 'figure-distribution',
    title,
    summary: `Share of the samples of all launches that take no longer than a latency; the band is where the single launches lie. The wider it is, the less one launch tells. ${widestText(rows)}`,
    svg,
    legend: variants.map((label, i) => ({ label, color: figureColor(i), symbol: figureSymbol(i) })),
    table: {
      columns: ['place', 'variant', 'share', `latency, ${scale.unit}`, 'least launch', 'most launch'].map(
        (column, i) => ({ title: column, numeric: i > 1 }),
      ),
      rows: rows.map((row) => [
        row.place,
        row.variant,
        String(row.share),
        ...[row.ns, row.leastNs, row.mostNs].map((value) => formatValue(value, scale)),
      ]),
    },
  };
}

function firstOfEachPlace(cells: readonly Cell[]): Cell[] {
  const groups = Map.groupBy(cells, ({ placeId, variant }) => `${placeId} ${variant.digest}`);
  return [...groups.values()].map(([cell]) => cell!);
}

function widestText(
  rows: readonly {
    share: number;
    leastNs: number;
    mostNs: number;
    place: string;
    variant: string;
  }[],
): string {
  const medians = rows.filter(({ share }) => share === 0.5);
  const widest = medians.toSorted((a, b) => b.mostNs / b.leastNs - a.mostNs / a.leastNs)[0];
  if (!widest) return '';
  return `Medians of launches differ most for ${widest.variant} on ${widest.place}: ${(widest.mostNs / widest.leastNs).toFixed(2)} times.`;
}
