import { axisX, axisY, dot, ruleX } from '@observablehq/plot';
import type { TransferReport } from '../transfer/transfer-report.ts';
import { drawSvg, marginFor } from './draw-svg.ts';
import { type Figure, figureColor, figureSymbol } from './figure.ts';
import { stripControl } from './strip-control.ts';

/** Systems that fit in one drawing. */
const maxSystems = 40;

/** Every network's speed-up by quantizing, system by system; undefined where nobody measured twins. */
export function speedUpsFigure({ speedUps }: TransferReport): Figure | undefined {
  const shown = speedUps.slice(0, maxSystems);
  if (shown.length === 0) return undefined;
  const formats = [...new Set(shown.map(({ precision }) => precision))];
  const rows = shown.flatMap(({ system, precision, networks }) =>
    networks.map(({ network, speedUp }) => ({
      system: stripControl(system),
      precision,
      speedUp,
      words: stripControl(`${network}, ${precision}: ${speedUp.toFixed(2)}`),
    })),
  );
  const systems = [...new Set(rows.map(({ system }) => system))];
  const title = 'Speed-up by quantizing, network by network';
  const svg = drawSvg(
    {
      height: 84 + systems.length * 28,
      marginLeft: marginFor(systems),
      x: { type: 'log', label: 'time of fp32 / time quantized', grid: true },
      y: { domain: systems, label: null },
      color: { domain: formats, range: formats.map((_, i) => figureColor(i)) },
      symbol: { domain: formats, range: formats.map((_, i) => figureSymbol(i)) },
      marks: [
        axisX({ ticks: 6, tickFormat: (value: number) => String(value) }),
        axisY({ tickSize: 0 }),
        ruleX([1], { strokeDasharray: '4 3' }),
        dot(rows, {
          x: 'speedUp',
          y: 'system',
          stroke: 'precision',
          symbol: 'precision',
          r: 3,
          title: 'words',
        }),
      ],
    },
    title,
  );
  const slower = rows.filter(({ speedUp }) => speedUp < 1).length;
  return {
    id: 'figure-speed-ups',
    title,
    summary: `Each mark is one network; left of the dashed line it is slower than in fp32, as ${slower} of ${rows.length} are.`,
    svg,
    legend: formats.map((format, i) => ({ label: format, color: figureColor(i), symbol: figureSymbol(i) })),
    table: {
      columns: [
        { title: 'system', numeric: false },
        { title: 'network and format', numeric: false },
      ],
      rows: rows.map(({ system, words }) => [system, words]),
    },
  };
}
