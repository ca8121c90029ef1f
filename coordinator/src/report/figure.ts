import type { SectionTable } from './section.ts';

/** A figure of the page: the drawing, what it shows in words, and its numbers. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What there is to see, in one or two sentences: the figure for those who cannot see it. */
  readonly summary: string;
  /** Inline SVG. */
  readonly svg: string;
  readonly legend: readonly {
    readonly label: string;
    readonly color: string;
    readonly symbol: FigureSymbol;
  }[];
  readonly table: SectionTable;
}

/** Marks told apart without colour. */
const figureSymbols = ['circle', 'square', 'triangle', 'diamond', 'cross', 'star'] as const;
export type FigureSymbol = (typeof figureSymbols)[number];

/** Number of colours that the page's style defines as `--c0`, `--c1`, …: dark and light ones, safe for the colour-blind. */
const figureColorCount = 6;

/** The colour of the n-th series. */
export function figureColor(index: number): string {
  return `var(--c${index % figureColorCount})`;
}

/** The mark of the n-th series; series that share a colour differ in it. */
export function figureSymbol(index: number): FigureSymbol {
  return figureSymbols[(index + Math.floor(index / figureColorCount)) % figureSymbols.length]!;
}
