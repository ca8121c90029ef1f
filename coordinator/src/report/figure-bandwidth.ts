import { axisX, axisY, barX, text } from '@observablehq/plot';
import { bandwidthParts } from './bandwidth-parts.ts';
import { drawSvg, marginFor } from './draw-svg.ts';
import { type Figure, figureColor } from './figure.ts';
import { chooseScale, formatValue } from './format-quantity.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

/** What moves data alone, and what computes with it; the others lie between. */
const shownKernels = ['copy', 'triad'];

/** Measured memory bandwidth by device, kernel and threads; undefined where no device has any. */
export function bandwidthFigure({ devices }: Report): Figure | undefined {
  const bars = devices.flatMap((device) =>
    device.probe.readings.flatMap((reading) => {
      const parts = bandwidthParts(reading.quantity);
      if (reading.status === 'unavailable' || !parts || !shownKernels.includes(parts.kernel)) return [];
      const series = `${parts.kernel}, ${parts.threads === '1' ? '1 thread' : 'all threads'}`;
      return [{ device: stripControl(device.name), series, value: reading.value }];
    }),
  );
  if (bars.length === 0) return undefined;
  const scale = chooseScale(
    'mem.bandwidth',
    'B/s',
    bars.map((bar) => bar.value),
  );
  const rows = bars.map((bar) => ({
    ...bar,
    shown: bar.value * scale.factor,
    words: `${formatValue(bar.value, scale)} ${scale.unit}`,
  }));
  const names = [...new Set(rows.map((row) => row.device))];
  const series = [...new Set(rows.map((row) => row.series))];
  const title = 'Memory bandwidth by device';
  const svg = drawSvg(
    {
      height: 90 + names.length * (24 + series.length * 22),
      marginLeft: marginFor(series),
      marginRight: 90,
      x: { label: `bandwidth, ${scale.unit}`, grid: true },
      y: { domain: series, label: null },
      fy: { domain: names, axis: null, padding: 0.25 },
      color: { domain: series, range: series.map((_, i) => figureColor(i)) },
      marks: [
        axisX({ ticks: 6 }),
        axisY({ tickSize: 0 }),
        text(
          names.map((device) => ({ device })),
          {
            fy: 'device',
            text: 'device',
            frameAnchor: 'top-left',
            dy: -12,
            fontWeight: 'bold',
            fill: 'currentColor',
          },
        ),
        barX(rows, { fy: 'device', x: 'shown', y: 'series', fill: 'series', title: 'words' }),
        text(rows, {
          fy: 'device',
          x: 'shown',
          y: 'series',
          text: 'words',
          textAnchor: 'start',
          dx: 6,
          fill: 'currentColor',
        }),
      ],
    },
    title,
  );
  const best = rows.reduce((most, row) => (row.value > most.value ? row : most));
  const missing = devices.map((device) => stripControl(device.name)).filter((name) => !names.includes(name));
  return {
    id: 'figure-bandwidth',
    title,
    summary: `Highest: ${best.words} (${best.series}) on ${best.device}.${missing.length > 0 ? ` Not available on ${missing.join(', ')}; the device table says why.` : ''}`,
    svg,
    legend: [],
    table: {
      columns: [
        { title: 'device', numeric: false },
        { title: 'kernel', numeric: false },
        { title: `bandwidth, ${scale.unit}`, numeric: true },
      ],
      rows: rows.map((row) => [row.device, row.series, formatValue(row.value, scale)]),
    },
  };
}
