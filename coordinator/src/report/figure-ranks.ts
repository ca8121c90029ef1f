import { axisX, axisY, cell, text } from '@observablehq/plot';
import type { TransferReport } from '../transfer/transfer-report.ts';
import { drawSvg, marginFor } from './draw-svg.ts';
import type { Figure } from './figure.ts';
import { stripControl } from './strip-control.ts';

/** Systems whose names and numbers can still be read. */
const maxSystems = 14;

/** Agreement of ranks between all systems as a map; undefined under two systems or with too many. */
export function ranksFigure({ pairs }: TransferReport): Figure | undefined {
  const known = pairs.flatMap(({ first, second, tau }) =>
    tau === undefined ? [] : [{ first: stripControl(first), second: stripControl(second), tau }],
  );
  const systems = [...new Set(known.flatMap(({ first, second }) => [first, second]))];
  if (known.length === 0 || systems.length > maxSystems) return undefined;
  const cells = [
    ...known,
    ...known.map(({ first, second, tau }) => ({ first: second, second: first, tau })),
  ].map((one) => ({
    ...one,
    words: one.tau.toFixed(2),
    shade: `color-mix(in srgb, var(--c0) ${Math.round(12 + 60 * Math.max(0, one.tau))}%, transparent)`,
  }));
  const letters = systems.map((_, i) => String.fromCharCode(65 + i));
  const letterOf = (system: string): string => letters[systems.indexOf(system)]!;
  const named = cells.map((one) => ({
    ...one,
    letter: letterOf(one.second),
    row: `${letterOf(one.first)} ${one.first}`,
  }));
  const rows = systems.map((system, i) => `${letters[i]} ${system}`);
  const title = 'Do systems rank networks alike?';
  const svg = drawSvg(
    {
      height: 80 + systems.length * 34,
      marginLeft: marginFor(rows),
      x: { domain: letters, label: null },
      y: { domain: rows, label: null },
      marks: [
        axisX({ tickSize: 0 }),
        axisY({ tickSize: 0 }),
        cell(named, { x: 'letter', y: 'row', fill: 'shade', inset: 1 }),
        text(named, { x: 'letter', y: 'row', text: 'words', fill: 'currentColor' }),
      ],
    },
    title,
  );
  const least = known.reduce((worst, one) => (one.tau < worst.tau ? one : worst));
  return {
    id: 'figure-ranks',
    title,
    summary: `Kendall’s τ-b: 1 where both rank all networks alike. Least between ${least.first} and ${least.second}: ${least.tau.toFixed(2)}.`,
    svg,
    legend: [],
    table: {
      columns: [
        { title: 'system', numeric: false },
        { title: 'and', numeric: false },
        { title: 'τ-b', numeric: true },
      ],
      rows: known.map(({ first, second, tau }) => [first, second, tau.toFixed(3)]),
    },
  };
}
