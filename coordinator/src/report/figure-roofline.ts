import { axisX, axisY, dot, line, text } from '@observablehq/plot';
import { readingValue } from '@qfleet/shared/reading.ts';
import { findRoof } from '../analysis/find-roof.ts';
import { drawSvg } from './draw-svg.ts';
import { type Figure, figureColor, figureSymbol } from './figure.ts';
import { placeText } from './place-text.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

/** Devices that fit in one drawing. */
const maxDevices = 12;

const formats = ['fp32', 'int8'] as const;

interface Point {
  readonly panel: string;
  readonly variant: string;
  readonly place: string;
  /** Operations per byte. */
  readonly intensity: number;
  /** 10⁹ operations per second. */
  readonly rate: number;
}

/**
 * Each cell under the roofs that its own device was measured to have (Williams, Waterman and Patterson, 2009): operations
 * per compulsory byte against operations per second, logarithmic. A panel for each device and number of threads. Undefined
 * where no device has both roofs.
 */
export function rooflineFigure(report: Report): Figure | undefined {
  const points: Point[] = [];
  const knees: Knee[] = [];
  const panels = new Set<string>();
  for (const cell of report.cells) {
    const intensity = readingValue(cell.readings['work.intensity']);
    const latencyNs = readingValue(cell.readings['latency.p50']);
    const share = cell.readings['roof.compute.share'];
    const device = report.devices.find(({ id }) => id === cell.deviceId);
    if (intensity === undefined || latencyNs === undefined || !device || readingValue(share) === undefined)
      continue;
    const operations = 2 * (report.model.macs ?? 0) * cell.settings.batch;
    const roofsOf = { probe: device.probe.readings, threadsUsed: cell.threadsUsed };
    const bandwidth = readingValue(findRoof('mem.bandwidth.triad', roofsOf));
    if (bandwidth === undefined || operations === 0) continue;
    const threads = cell.threadsUsed === 1 ? '1 thread' : `${cell.threadsUsed ?? 'all'} threads`;
    const panel = `${stripControl(device.name)}, ${threads}`;
    if (!panels.has(panel)) {
      if (panels.size === maxDevices) continue;
      panels.add(panel);
      for (const format of formats) {
        const peak = readingValue(findRoof(`compute.${format}`, roofsOf));
        if (peak !== undefined) knees.push({ panel, format, intensity: peak / bandwidth, rate: peak / 1e9 });
      }
    }
    points.push({
      panel,
      variant: stripControl(cell.variant.name),
      place: placeText({ deviceName: cell.deviceName, backendId: cell.backend.id }),
      intensity,
      rate: operations / latencyNs,
    });
  }
  if (points.length === 0) return undefined;
  return draw([...panels], points, roofsThrough(knees, points));
}

/** Where the roofs of memory and of arithmetic in one format meet. */
interface Knee {
  readonly panel: string;
  readonly format: string;
  readonly intensity: number;
  readonly rate: number;
}

/** Lines from each knee to both ends of what is drawn: three points a roof. */
function roofsThrough(knees: readonly Knee[], points: readonly Point[]): Knee[] {
  const all = [...knees, ...points].map(({ intensity }) => intensity);
  const [least, most] = [Math.min(...all) / 2, Math.max(...all) * 2];
  return knees.flatMap((knee) => [
    { ...knee, intensity: least, rate: (knee.rate * least) / knee.intensity },
    knee,
    { ...knee, intensity: most },
  ]);
}

function draw(panels: readonly string[], points: readonly Point[], roofs: readonly Knee[]): Figure {
  const variants = [...new Set(points.map(({ variant }) => variant))];
  const places = [...new Set(points.map(({ place }) => place))];
  const rows = points.map((point) => ({
    ...point,
    words: `${point.variant} on ${point.place}: ${short(point.rate)} Gop/s at ${short(point.intensity)} op/B`,
  }));
  const rates = [...points, ...roofs].map(({ rate }) => rate);
  const [floor, ceiling] = [Math.min(...rates) / 1.5, Math.max(...rates) * 1.2];
  const title = 'How near each cell comes to its device’s roofs';
  const svg = drawSvg(
    {
      height: 90 + panels.length * 220,
      marginLeft: 60,
      marginTop: 40,
      marginRight: 60,
      x: {
        type: 'log',
        label: 'operations per byte of weights, inputs and outputs (logarithmic)',
        grid: true,
      },
      y: {
        type: 'log',
        label: '10⁹ operations per second (logarithmic)',
        grid: true,
        domain: [floor, ceiling],
      },
      fy: { domain: panels, axis: null, padding: 0.25 },
      color: { domain: variants, range: variants.map((_, i) => figureColor(i)) },
      symbol: { domain: places, range: places.map((_, i) => figureSymbol(i)) },
      marks: [
        axisX({ ticks: 6, tickFormat: (value: number) => String(Number(value.toPrecision(3))) }),
        axisY({ ticks: 4, tickFormat: (value: number) => String(Number(value.toPrecision(3))) }),
        text(
          panels.map((panel) => ({ panel })),
          {
            fy: 'panel',
            text: 'panel',
            frameAnchor: 'top-left',
            dy: -14,
            fontWeight: 'bold',
            fill: 'currentColor',
          },
        ),
        line(roofs, { fy: 'panel', x: 'intensity', y: 'rate', z: 'format', stroke: 'currentColor' }),
        text(
          roofs.filter((_, i) => i % 3 === 2),
          {
            fy: 'panel',
            x: 'intensity',
            y: 'rate',
            text: 'format',
            textAnchor: 'start',
            dx: 6,
            fill: 'currentColor',
          },
        ),
        dot(rows, {
          fy: 'panel',
          x: 'intensity',
          y: 'rate',
          stroke: 'variant',
          fill: 'variant',
          symbol: 'place',
          r: 5,
          title: 'words',
        }),
      ],
    },
    title,
  );
  return {
    id: 'figure-roofline',
    title,
    summary:
      'Left of a knee memory bounds, right of it arithmetic; both roofs are what the device’s own probe measured. Bytes are the compulsory ones, so that a point whose activations spill belongs further to the left.',
    svg,
    legend: [
      ...variants.map((label, i) => ({ label, color: figureColor(i), symbol: 'circle' as const })),
      ...places.map((label, i) => ({ label, color: 'currentColor', symbol: figureSymbol(i) })),
    ],
    table: {
      columns: [
        { title: 'place', numeric: false },
        { title: 'variant', numeric: false },
        { title: 'op/B', numeric: true },
        { title: 'Gop/s', numeric: true },
      ],
      rows: points.map(({ place, variant, intensity, rate }) => [
        place,
        variant,
        short(intensity),
        short(rate),
      ]),
    },
  };
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
