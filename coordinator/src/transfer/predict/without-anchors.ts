import { mean } from '@qfleet/shared/statistics/mean.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { completeGrid, type Grid } from '../grid.ts';
import type { MethodErrors } from './evaluate-methods.ts';

const minItems = 8;

/** Of a held-out system and its sources, logs: what each way says of every item; several answers where sources speak alone. */
interface ZeroAnchorMethod {
  readonly id: string;
  /** One sentence. */
  readonly description: string;
  tell(sources: readonly Source[], targetBandwidth: number): readonly Float64Array[];
}

interface Source {
  readonly logs: Float64Array;
  readonly bandwidth: number;
}

export const methodsWithoutAnchors: readonly ZeroAnchorMethod[] = [
  {
    id: 'another-system',
    description: 'one other system as it is',
    tell: (sources) => sources.map(({ logs }) => logs),
  },
  {
    id: 'bandwidth-ratio',
    description: 'one other system, scaled by the memory bandwidths of both boards',
    tell: (sources, bandwidth) => sources.map((source) => scaled(source, bandwidth)),
  },
  {
    id: 'bandwidth-mean',
    description: 'the geometric mean of all other systems, each scaled by the bandwidths',
    tell: (sources, bandwidth) => {
      const rows = sources.map((source) => scaled(source, bandwidth));
      return [Float64Array.from(rows[0]!, (_, item) => mean(rows.map((row) => row[item]!)))];
    },
  },
];

/**
 * Errors where nothing was measured on the new board but its memory bandwidth, for systems whose board's is known, held
 * out with that board: `another-system` as it is and `bandwidth-ratio`, another system scaled by the bandwidths, are
 * baselines (each source alone, the median over them); `bandwidth-mean` is the geometric mean of all scaled ones. Empty
 * where bandwidths of two boards are not known.
 */
export function errorsWithoutAnchors(grid: Grid): MethodErrors[] {
  const known = grid.systems.flatMap(({ bandwidth }, index) => (bandwidth === undefined ? [] : [index]));
  const folds = known.flatMap((target) => {
    const others = known.filter((index) => grid.systems[index]!.board !== grid.systems[target]!.board);
    if (others.length === 0) return [];
    const { logs, items } = completeGrid(grid, [target, ...others]);
    if (items.length < minItems) return [];
    const sources = others.map((index, i) => ({
      logs: logs[i + 1]!,
      bandwidth: grid.systems[index]!.bandwidth!,
    }));
    return [{ system: grid.systems[target]!, truth: logs[0]!, sources }];
  });
  if (folds.length === 0) return [];
  return methodsWithoutAnchors.map(({ id, tell }): MethodErrors => {
    const systems = folds.map(({ system, truth, sources }) => ({
      system: system.id,
      medianError: median(tell(sources, system.bandwidth!).map((told) => medianError(told, truth))),
      medianErrorOtherFamilies: Number.NaN,
      coverage90: Number.NaN,
      scored: truth.length,
    }));
    const errors = systems.map((one) => one.medianError);
    return { method: id, anchors: 0, systems, median: median(errors), worst: Math.max(...errors) };
  });
}

/** Half the bandwidth, twice the time. */
function scaled({ logs, bandwidth }: Source, targetBandwidth: number): Float64Array {
  const shift = Math.log(bandwidth / targetBandwidth);
  return logs.map((log) => log + shift);
}

function medianError(told: Float64Array, truth: Float64Array): number {
  return median(Float64Array.from(truth, (log, item) => Math.abs(Math.exp(told[item]! - log) - 1)));
}
