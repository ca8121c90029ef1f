import { axisX, axisY, dot, line } from '@observablehq/plot';
import { readingValue } from '@qfleet/shared/reading.ts';
import { drawSvg } from './draw-svg.ts';
import { type Figure, figureColor, figureSymbol } from './figure.ts';
import { chooseScale, threeFigures } from './format-quantity.ts';
import type { Report } from './report.ts';
import { stripControl } from './strip-control.ts';

/** Latency of a dependent load by working set, both logarithmic, a line per device; undefined where none has one. */
export function ladderFigure({ devices }: Report): Figure | undefined {
  const rows = devices.flatMap((device) =>
    device.probe.latencyLadder.flatMap(({ workingSetBytes, load }) => {
      const loadNs = readingValue(load);
      if (loadNs === undefined || loadNs <= 0 || workingSetBytes <= 0) return [];
      return [
        {
          device: stripControl(device.name),
          kib: workingSetBytes / 1024,
          loadNs,
          words: sizeText(workingSetBytes),
        },
      ];
    }),
  );
  if (rows.length === 0) return undefined;
  const names = [...new Set(rows.map((row) => row.device))];
  const title = 'Latency ladder by device';
  const svg = drawSvg(
    {
      height: 360,
      marginLeft: 52,
      x: { type: 'log', base: 2, label: 'working set (logarithmic)', grid: true },
      y: { type: 'log', label: 'time per load, ns (logarithmic)', grid: true },
      color: { domain: names, range: names.map((_, i) => figureColor(i)) },
      symbol: { domain: names, range: names.map((_, i) => figureSymbol(i)) },
      marks: [
        axisX({ ticks: 10, tickFormat: (kib: number) => sizeText(kib * 1024) }),
        axisY({ ticks: 5, tickFormat: (value: number) => String(Number(value.toPrecision(3))) }),
        line(rows, { x: 'kib', y: 'loadNs', stroke: 'device', strokeWidth: 2 }),
        dot(rows, { x: 'kib', y: 'loadNs', fill: 'device', symbol: 'device', r: 3.5, title: 'words' }),
      ],
    },
    title,
  );
  return {
    id: 'figure-ladder',
    title,
    summary: names.map((name) => summariseDevice(name, rows)).join(' '),
    svg,
    legend: names.map((label, i) => ({ label, color: figureColor(i), symbol: figureSymbol(i) })),
    table: {
      columns: [
        { title: 'device', numeric: false },
        { title: 'working set', numeric: true },
        { title: 'load, ns', numeric: true },
      ],
      rows: rows.map((row) => [row.device, row.words, threeFigures(row.loadNs)]),
    },
  };
}

function summariseDevice(
  name: string,
  rows: readonly { device: string; words: string; loadNs: number }[],
): string {
  const own = rows.filter((row) => row.device === name);
  const first = own[0]!;
  const last = own.at(-1)!;
  return `${name}: ${threeFigures(first.loadNs)} ns per load at ${first.words}, ${threeFigures(last.loadNs)} ns at ${last.words}.`;
}

function sizeText(bytes: number): string {
  const scale = chooseScale('cache.', 'B', [bytes]);
  return `${Number((bytes * scale.factor).toPrecision(3))} ${scale.unit}`;
}
