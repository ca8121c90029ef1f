import type { Random } from '@qfleet/shared/random.ts';
import { bootstrapInterval } from '@qfleet/shared/statistics/bootstrap-interval.ts';
import type { Interval } from '@qfleet/shared/statistics/interval.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { kendallTau, spearmanRho } from '@qfleet/shared/statistics/rank-agreement.ts';
import { findTwins, type Grid } from './grid.ts';

/** Items from which an interval of a rank correlation is told. */
const minItemsForInterval = 10;
/** Resamplings of networks for one τ: its interval's ends move by some hundredths between seeds. */
const resamples = 500;
/** Intervals cost a second for every thousand pairs of networks: with more systems than these they are left out. */
const maxSystemsForIntervals = 12;
/** Latencies that differ by less are tied: single runs of one network differ by as much. */
const tieShare = 0.02;

/** How two systems relate over the items that both measured. */
export interface SystemPair {
  readonly first: string;
  readonly second: string;
  readonly items: number;
  /** Second's latency over the first's, median over items, and the middle half of them. */
  readonly ratio: { readonly median: number; readonly low: number; readonly high: number };
  /** Kendall's τ-b, latencies within 2 % tied; undefined under 5 items. */
  readonly tau: number | undefined;
  /** Over networks drawn with all their formats; undefined under 10 items. */
  readonly tauInterval: Interval | undefined;
  readonly rho: number | undefined;
  /** Of twins: how the speed-up there relates to that here, median of the ratios and the share within 10 %. */
  readonly speedUpTransfer:
    | { readonly median: number; readonly within10: number; readonly networks: number }
    | undefined;
  /** Pairs of items that are clearly ordered otherwise, the worst first: faster here, slower there. */
  readonly inversions: readonly {
    readonly faster: string;
    readonly slower: string;
    readonly factor: number;
  }[];
}

/** Every unordered pair of systems that measured something in common. */
export function compareSystems(
  grid: Grid,
  options: {
    readonly reference: string;
    readonly subject: string;
    readonly randomOf: (pair: string) => Random;
  },
): SystemPair[] {
  const pairs: SystemPair[] = [];
  for (let first = 0; first < grid.systems.length; first++) {
    for (let second = first + 1; second < grid.systems.length; second++) {
      const pair = comparePair(grid, { first, second }, options);
      if (pair) pairs.push(pair);
    }
  }
  return pairs;
}

function comparePair(
  grid: Grid,
  { first, second }: { readonly first: number; readonly second: number },
  { reference, subject, randomOf }: Parameters<typeof compareSystems>[1],
): SystemPair | undefined {
  const [a, b] = [grid.logs[first]!, grid.logs[second]!];
  const common = grid.items.map((_, item) => item).filter((item) => !Number.isNaN(a[item]! + b[item]!));
  if (common.length === 0) return undefined;
  const names = { first: grid.systems[first]!.id, second: grid.systems[second]!.id };
  const ratios = common.map((item) => Math.exp(b[item]! - a[item]!)).sort((x, y) => x - y);
  const tauOf = (items: readonly number[]): number | undefined => tau(a, b, items);
  return {
    ...names,
    items: common.length,
    ratio: {
      median: median(ratios),
      low: ratios[Math.floor(ratios.length / 4)]!,
      high: ratios[Math.min(ratios.length - 1, Math.floor((3 * ratios.length) / 4))]!,
    },
    tau: tauOf(common),
    tauInterval:
      common.length < minItemsForInterval || grid.systems.length > maxSystemsForIntervals
        ? undefined
        : intervalOverNetworks(grid, common, tauOf, randomOf(`${names.first} ${names.second}`)),
    rho: spearmanRho(
      common.map((item) => a[item]!),
      common.map((item) => b[item]!),
    ),
    speedUpTransfer: transferOf(grid, { a, b }, reference, subject),
    inversions: findInversions(grid, { a, b }, common),
  };
}

function tau(a: Float64Array, b: Float64Array, items: readonly number[]): number | undefined {
  const [x, y] = [items.map((item) => a[item]!), items.map((item) => b[item]!)];
  return kendallTau(x, y, (i, j, side) => {
    const values = side === 'first' ? x : y;
    return Math.abs(values[i]! - values[j]!) < tieShare;
  });
}

/** Twins and copies would make a small sample look large: networks are drawn, with all their formats. */
function intervalOverNetworks(
  grid: Grid,
  items: readonly number[],
  statistic: (items: readonly number[]) => number | undefined,
  random: Random,
): Interval | undefined {
  const networks = [...Map.groupBy(items, (item) => grid.items[item]!.network).values()];
  return bootstrapInterval({
    groupSizes: [networks.length],
    statistic: ([drawn]) => statistic([...drawn!].flatMap((index) => networks[index]!)) ?? 0,
    random,
    resamples,
  });
}

function transferOf(
  grid: Grid,
  { a, b }: { readonly a: Float64Array; readonly b: Float64Array },
  reference: string,
  subject: string,
): SystemPair['speedUpTransfer'] {
  const ratios = findTwins(grid, reference, subject)
    .map((twin) => b[twin.reference]! - b[twin.subject]! - (a[twin.reference]! - a[twin.subject]!))
    .filter((log) => !Number.isNaN(log))
    .map(Math.exp);
  if (ratios.length === 0) return undefined;
  const within = ratios.filter((ratio) => ratio > 1 / 1.1 && ratio < 1.1).length;
  return { median: median(ratios), within10: within / ratios.length, networks: ratios.length };
}

const maxInversions = 5;

/** Items whose order differs by the most: by how much one is faster here times by how much it is slower there. */
function findInversions(
  grid: Grid,
  { a, b }: { readonly a: Float64Array; readonly b: Float64Array },
  items: readonly number[],
): SystemPair['inversions'] {
  const nameOf = (item: number): string => `${grid.items[item]!.network} ${grid.items[item]!.precision}`;
  const found: { faster: string; slower: string; factor: number }[] = [];
  for (const i of items) {
    for (const j of items) {
      const [here, there] = [a[j]! - a[i]!, b[i]! - b[j]!];
      if (here <= tieShare || there <= tieShare) continue;
      found.push({ faster: nameOf(i), slower: nameOf(j), factor: Math.exp(Math.min(here, there)) });
    }
  }
  return found.sort((x, y) => y.factor - x.factor).slice(0, maxInversions);
}
