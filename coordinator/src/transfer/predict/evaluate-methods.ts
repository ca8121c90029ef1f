import { createRandom } from '@qfleet/shared/random.ts';
import { mean } from '@qfleet/shared/statistics/mean.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { completeGrid, type Grid } from '../grid.ts';
import { blend } from './blend.ts';
import { chooseAnchors } from './choose-anchors.ts';
import { lowRank } from './low-rank.ts';
import { meanOfSources } from './mean-of-sources.ts';
import type { PredictionMethod } from './method.ts';
import { oneSource } from './one-source.ts';

/** Methods that choose their anchors and use all sources. */
export const predictionMethods: readonly PredictionMethod[] = [meanOfSources, lowRank, blend];

/** The error of one method on one system that was held out with its board. */
export interface HeldOutError {
  readonly system: string;
  /** |predicted / measured − 1|, median over the items scored. */
  readonly medianError: number;
  /** Without any network of an anchor's family. NaN where none is left. */
  readonly medianErrorOtherFamilies: number;
  /** Share of the items whose measured latency lies in the stated 90 % interval; NaN for the baseline. */
  readonly coverage90: number;
  readonly scored: number;
}

export interface MethodErrors {
  readonly method: string;
  readonly anchors: number;
  readonly systems: readonly HeldOutError[];
  /** Median over the systems held out. */
  readonly median: number;
  readonly worst: number;
}

/** Sources that are used at most: those with the most items in common. */
const maxSources = 12;
const minItems = 8;
/** Sets of anchors drawn for the baseline, which chooses none. */
const baselineDraws = 60;

/**
 * Leave-one-board-out errors of every method and of the baseline (each other system alone, anchors drawn at random, the
 * median over both). A board is held out with all its runtimes. Anchors are chosen without the target, and no network of
 * an anchor is scored in any number format.
 */
export function evaluateMethods(
  grid: Grid,
  { anchorCounts, seed }: { readonly anchorCounts: readonly number[]; readonly seed: number },
): MethodErrors[] {
  const folds = grid.systems.flatMap((_, target) => foldOf(grid, target) ?? []);
  return anchorCounts.flatMap((anchors) => [
    summarise(
      oneSource.id,
      anchors,
      folds.map((fold) => scoreBaseline(fold, anchors, seed)),
    ),
    ...predictionMethods.map((method) =>
      summarise(
        method.id,
        anchors,
        folds.map((fold) => scoreMethod(fold, method, { count: anchors, seed })),
      ),
    ),
  ]);
}

interface Fold {
  readonly system: string;
  /** The sources alone, complete. */
  readonly sources: Grid;
  /** Logs of the held-out system over the same items. */
  readonly truth: Float64Array;
}

/** A system to hold out with those on other boards; undefined where too little is in common. */
function foldOf(grid: Grid, target: number): Fold[] | undefined {
  const truth = grid.logs[target]!;
  const has = (row: Float64Array, item: number): boolean => !Number.isNaN(row[item]!);
  const measured = grid.items.map((_, item) => item).filter((item) => has(truth, item));
  const others = grid.systems
    .map((system, index) => ({
      index,
      board: system.board,
      common: measured.filter((item) => has(grid.logs[index]!, item)).length,
    }))
    .filter(({ board, common }) => board !== grid.systems[target]!.board && common >= 0.8 * measured.length)
    .toSorted((a, b) => b.common - a.common || a.index - b.index)
    .slice(0, maxSources)
    .map(({ index }) => index);
  if (others.length === 0) return undefined;
  const together = completeGrid(grid, [target, ...others]);
  if (together.items.length < minItems) return undefined;
  const [own, ...logs] = together.logs;
  const [, ...systems] = together.systems;
  return [
    { system: grid.systems[target]!.id, sources: { systems, items: together.items, logs }, truth: own! },
  ];
}

function scoreMethod(
  { system, sources, truth }: Fold,
  method: PredictionMethod,
  options: { readonly count: number; readonly seed: number },
): HeldOutError {
  const { anchors, spread90 } = chooseAnchors(sources, method, options);
  const predict = method.learn(sources.items, sources.logs);
  const told = predict({ items: anchors, logs: anchors.map((item) => truth[item]!) });
  const scored = itemsToScore(sources, anchors, ({ network }) => network);
  const others = itemsToScore(sources, anchors, ({ network }) => familyOf(network));
  const covered = scored.filter((item) => Math.abs(told[item]! - truth[item]!) <= spread90).length;
  return {
    system,
    medianError: medianErrorOf(told, truth, scored),
    medianErrorOtherFamilies: medianErrorOf(told, truth, others),
    coverage90: scored.length > 0 ? covered / scored.length : Number.NaN,
    scored: scored.length,
  };
}

function scoreBaseline({ system, sources, truth }: Fold, count: number, seed: number): HeldOutError {
  const random = createRandom(seed);
  const errors: number[] = [];
  for (const source of sources.logs) {
    const predict = oneSource.learn(sources.items, [source]);
    for (let i = 0; i < baselineDraws; i++) {
      const anchors = Array.from({ length: count }, () => random.below(truth.length));
      const told = predict({ items: anchors, logs: anchors.map((item) => truth[item]!) });
      errors.push(
        medianErrorOf(
          told,
          truth,
          itemsToScore(sources, anchors, ({ network }) => network),
        ),
      );
    }
  }
  return {
    system,
    medianError: median(errors.filter((error) => !Number.isNaN(error))),
    medianErrorOtherFamilies: Number.NaN,
    coverage90: Number.NaN,
    scored: truth.length,
  };
}

/** Items that share nothing with an anchor. */
function itemsToScore(
  { items }: Grid,
  anchors: readonly number[],
  keyOf: (item: Grid['items'][number]) => string,
): number[] {
  const known = new Set(anchors.map((item) => keyOf(items[item]!)));
  return items.map((_, item) => item).filter((item) => !known.has(keyOf(items[item]!)));
}

function medianErrorOf(told: Float64Array, truth: Float64Array, items: readonly number[]): number {
  if (items.length === 0) return Number.NaN;
  return median(items.map((item) => Math.abs(Math.exp(told[item]! - truth[item]!) - 1)));
}

/** `mobilenet-v2-0.5-96` → `mobilenet-v2`, `resnet18` → `resnet`, `regnet_y_800mf` → `regnet`. */
export function familyOf(network: string): string {
  const [first = '', second = ''] = network.toLowerCase().split(/[-_/]/);
  const base = first.replace(/\d+[a-z]*$/, '') || first;
  return /^v\d/.test(second) ? `${base}-${second}` : base;
}

function summarise(method: string, anchors: number, systems: readonly HeldOutError[]): MethodErrors {
  const errors = systems.map(({ medianError }) => medianError).filter((error) => !Number.isNaN(error));
  return {
    method,
    anchors,
    systems,
    median: errors.length > 0 ? median(errors) : Number.NaN,
    worst: Math.max(...errors),
  };
}

/** Mean over systems of the share of latencies within the stated 90 % interval. */
export function meanCoverage({ systems }: MethodErrors): number {
  const known = systems.map(({ coverage90 }) => coverage90).filter((share) => !Number.isNaN(share));
  return known.length > 0 ? mean(known) : Number.NaN;
}
