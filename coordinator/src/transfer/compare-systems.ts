import type { Random } from '@qfleet/shared/random.ts';
import { bootstrapInterval } from '@qfleet/shared/statistics/bootstrap-interval.ts';
import type { Interval } from '@qfleet/shared/statistics/interval.ts';
import {
  correlateRanks,
  kendallTau,
  minItemsForRank,
  ranks,
  spearmanRho,
} from '@qfleet/shared/statistics/rank-agreement.ts';
import { findTwins, type Grid } from './grid.ts';
import { PairOrders } from './pair-orders.ts';

/** Items from which an interval of a rank correlation is told. */
const minItemsForInterval = 10;
/** Resamplings of networks for one τ: its interval's ends move by some hundredths between seeds. */
const resamples = 500;
/** Intervals and inversions cost far more than the rest: with more systems than these they are left out. */
const maxSystemsForDetail = 12;
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
  /** Pairs of items that are clearly ordered otherwise, the worst first: faster here, slower there; empty with many systems. */
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
  const common: Shared = {
    orders: new PairOrders(grid.logs, (a, b) => Math.abs(a - b) < tieShare),
    ranked: grid.logs.map((row) =>
      row.length >= minItemsForRank && !row.some(Number.isNaN) ? ranks(row) : undefined,
    ),
    everything: grid.items.map((_, item) => item),
    twins: findTwins(grid, options.reference, options.subject),
    isDetailed: grid.systems.length <= maxSystemsForDetail,
    randomOf: options.randomOf,
  };
  for (let first = 0; first < grid.systems.length; first++) {
    for (let second = first + 1; second < grid.systems.length; second++) {
      const pair = comparePair(grid, { first, second }, common);
      if (pair) pairs.push(pair);
    }
  }
  return pairs;
}

/** What all pairs of a grid share. */
interface Shared {
  readonly orders: PairOrders;
  /** Of systems that measured everything, the ranks of their items. */
  readonly ranked: readonly (Float64Array | undefined)[];
  /** Every item. */
  readonly everything: readonly number[];
  readonly twins: ReturnType<typeof findTwins>;
  /** Whether intervals and inversions are worked out. */
  readonly isDetailed: boolean;
  readonly randomOf: (pair: string) => Random;
}

function comparePair(
  grid: Grid,
  { first, second }: { readonly first: number; readonly second: number },
  { orders, ranked, everything, twins, isDetailed, randomOf }: Shared,
): SystemPair | undefined {
  const [a, b] = [grid.logs[first]!, grid.logs[second]!];
  const whole = ranked[first] && ranked[second];
  const common = whole ? everything : everything.filter((item) => !Number.isNaN(a[item]! + b[item]!));
  if (common.length === 0) return undefined;
  const names = { first: grid.systems[first]!.id, second: grid.systems[second]!.id };
  const gaps = new Float64Array(common.length);
  for (let i = 0; i < gaps.length; i++) gaps[i] = b[common[i]!]! - a[common[i]!]!;
  gaps.sort();
  const tauOf = (items: readonly number[]): number | undefined => tau(a, b, items);
  return {
    ...names,
    items: common.length,
    ratio: {
      median: Math.exp(middleOf(gaps)),
      low: Math.exp(gaps[Math.floor(gaps.length / 4)]!),
      high: Math.exp(gaps[Math.min(gaps.length - 1, Math.floor((3 * gaps.length) / 4))]!),
    },
    tau: orders.tau(first, second, common.length),
    tauInterval:
      common.length < minItemsForInterval || !isDetailed
        ? undefined
        : intervalOverNetworks(grid, common, tauOf, randomOf(`${names.first} ${names.second}`)),
    rho: whole
      ? correlateRanks(ranked[first]!, ranked[second]!)
      : spearmanRho(
          common.map((item) => a[item]!),
          common.map((item) => b[item]!),
        ),
    speedUpTransfer: transferOf(twins, { a, b }),
    inversions: isDetailed ? findInversions(grid, { a, b }, common) : [],
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
  twins: Shared['twins'],
  { a, b }: { readonly a: Float64Array; readonly b: Float64Array },
): SystemPair['speedUpTransfer'] {
  const found = new Float64Array(twins.length);
  let count = 0;
  for (const twin of twins) {
    const gap = b[twin.reference]! - b[twin.subject]! - (a[twin.reference]! - a[twin.subject]!);
    if (!Number.isNaN(gap)) found[count++] = gap;
  }
  const gaps = found.subarray(0, count).sort();
  if (gaps.length === 0) return undefined;
  let within = 0;
  for (const gap of gaps) if (Math.abs(gap) < Math.log(1.1)) within++;
  return { median: Math.exp(middleOf(gaps)), within10: within / gaps.length, networks: gaps.length };
}

/** The median of sorted values. */
function middleOf(sorted: Float64Array): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
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
