import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import type { SpeedVerdict } from '@qfleet/shared/statistics/compare-launches.ts';
import { kendallTau, minItemsForRank, spearmanRho } from '@qfleet/shared/statistics/rank-agreement.ts';
import * as z from 'zod';
import { usableLabels } from './accuracy-readings.ts';
import { accuracyLossReading, pairOutputs } from './divergence-readings.ts';
import type { RunEvidence } from './evidence.ts';
import { speedReading } from './speed-reading.ts';
import { speedUpRatio } from './speed-up-ratio.ts';
import type { SummarisedCell } from './summarise-cells.ts';
import { whyUntimed } from './why-none.ts';

/** How two places relate, variant by variant, at equal scenario and settings; the other way round everything is inverse. */
export const placePairSchema = z.object({
  firstPlaceId: z.string(),
  secondPlaceId: z.string(),
  scenario: z.string(),
  settingsDigest: z.string(),
  variants: z.array(
    z.object({
      variant: z.object({ digest: z.string(), name: z.string() }),
      /** First place's time over the second's: above 1 where the second is faster. */
      latencyRatio: readingSchema,
      /** Speed-up over fp32 in the second place over that in the first. */
      speedUpRatio: readingSchema,
      /** Points lost from the first place to the second, paired over common inputs. */
      accuracyDifference: readingSchema,
    }),
  ),
  /** Whether both rank the variants alike by latency. */
  ranks: z.object({
    /** Variants timed in both. */
    items: z.number().int(),
    /** Kendall's τ-b, variants tied that a test does not tell apart in a place; absent under five. */
    tau: z.number().optional(),
    /** Spearman's ρ of the latencies; absent under five. */
    rho: z.number().optional(),
    /** Variants that are shown to be faster than another in the first place, and slower in the second. */
    inversions: z.array(z.object({ faster: z.string(), slower: z.string() })),
  }),
});
export type PlacePair = z.infer<typeof placePairSchema>;

/** Places that are compared each with each; of more, the first. */
export const maxPairedPlaces = 20;

/**
 * The transfer matrix: every pair of places that have anything in common, each once, in the order of the places. Latencies
 * are compared by a closed form over launches, never of emulated devices; answers by whoever evaluated the same inputs.
 */
export function comparePairs(evidence: RunEvidence, cells: readonly SummarisedCell[]): PlacePair[] {
  const groups = Map.groupBy(cells, ({ cell }) => `${cell.scenario} ${cell.settingsDigest}`);
  return [...groups.values()].flatMap((group) => {
    const places = [...Map.groupBy(group, ({ cell }) => cell.placeId).values()]
      .slice(0, maxPairedPlaces)
      .map((own) => ({ own, orders: orderVariants(own) }));
    return places.flatMap((first, i) =>
      places.slice(i + 1).map((second) => comparePair(evidence, first, second)),
    );
  });
}

interface OrderedPlace {
  readonly own: readonly SummarisedCell[];
  readonly orders: Orders;
}

/** What a test says of two variants in one place: whether the second is faster than the first, by their digests. */
type Orders = ReadonlyMap<string, SpeedVerdict>;

function orderVariants(cells: readonly SummarisedCell[]): Orders {
  const timed = cells.filter(({ launches }) => launches.length > 0);
  const orders = new Map<string, SpeedVerdict>();
  for (const reference of timed) {
    for (const subject of timed) {
      if (subject === reference) continue;
      const { verdict } = speedReading({
        quantity: 'speedup',
        reference: reference.launches,
        subject: subject.launches,
        sameJob: subject.evidence.measure?.job.id === reference.evidence.measure?.job.id,
        isTrusted: [reference, subject].every(({ cell }) => cell.timing.verdict === 'trusted'),
      });
      orders.set(orderKey(reference, subject), verdict);
    }
  }
  return orders;
}

function orderKey(reference: SummarisedCell, subject: SummarisedCell): string {
  return `${reference.cell.variant.digest} ${subject.cell.variant.digest}`;
}

function comparePair(evidence: RunEvidence, first: OrderedPlace, second: OrderedPlace): PlacePair {
  const there = new Map(second.own.map((one) => [one.cell.variant.digest, one]));
  const both = first.own.flatMap((one): [SummarisedCell, SummarisedCell][] => {
    const other = there.get(one.cell.variant.digest);
    return other ? [[one, other]] : [];
  });
  const { placeId: firstPlaceId, scenario, settingsDigest } = first.own[0]!.cell;
  return {
    firstPlaceId,
    secondPlaceId: second.own[0]!.cell.placeId,
    scenario,
    settingsDigest,
    variants: both.map(([here, other]) => ({
      variant: here.cell.variant,
      latencyRatio: latencyRatio(here, other),
      speedUpRatio: speedUpReading(here, other),
      accuracyDifference: accuracyDifference(evidence, here, other),
    })),
    ranks: compareRanks(both, [first.orders, second.orders]),
  };
}

function latencyRatio(first: SummarisedCell, second: SummarisedCell): Reading {
  const why = whyUntimed(first) ?? whyUntimed(second);
  if (why !== undefined) return unavailable('pair.latency.ratio', '1', why);
  return speedReading({
    quantity: 'pair.latency.ratio',
    reference: first.launches,
    subject: second.launches,
    sameJob: false,
    isTrusted: [first, second].every(({ cell }) => cell.timing.verdict === 'trusted'),
  }).reading;
}

function speedUpReading(first: SummarisedCell, second: SummarisedCell): Reading {
  const quantity = 'pair.speedup.ratio';
  const [there, here] = [first.cell.readings['speedup'], second.cell.readings['speedup']];
  const ratio = speedUpRatio(here, there);
  if (!ratio) {
    const missing = [here, there].find((reading) => reading?.status === 'unavailable');
    return unavailable(quantity, '1', missing?.status === 'unavailable' ? missing.reason : 'no-interval');
  }
  return available({
    quantity,
    status: 'derived',
    value: ratio.value,
    unit: '1',
    method: 'ratio-of-speed-ups',
    interval: { low: ratio.low, high: ratio.high, method: 'independent-log-errors' },
  });
}

function accuracyDifference(
  { dataset, labels }: RunEvidence,
  first: SummarisedCell,
  second: SummarisedCell,
): Reading {
  const quantity = 'pair.accuracy.difference';
  if (!first.outputs || !second.outputs) {
    return unavailable(quantity, 'points', 'no-outputs: not evaluated in both places');
  }
  const pair = pairOutputs(second.outputs, first.outputs);
  return accuracyLossReading(quantity, pair, usableLabels(second.outputs, dataset, labels));
}

function compareRanks(
  both: readonly (readonly [SummarisedCell, SummarisedCell])[],
  [here, there]: readonly [Orders, Orders],
): PlacePair['ranks'] {
  const timed = both.filter((pair) => pair.every(({ launches }) => launches.length > 0));
  const latencies = ([0, 1] as const).map((side) => timed.map((pair) => latencyOf(pair[side])));
  const isTied = (i: number, j: number, side: 'first' | 'second'): boolean => {
    const [orders, at] = side === 'first' ? ([here, 0] as const) : ([there, 1] as const);
    const verdict = orders.get(orderKey(timed[i]![at], timed[j]![at]));
    return verdict !== 'faster' && verdict !== 'slower';
  };
  const enough = timed.length >= minItemsForRank;
  const tau = enough ? kendallTau(latencies[0]!, latencies[1]!, isTied) : undefined;
  const rho = enough ? spearmanRho(latencies[0]!, latencies[1]!) : undefined;
  return {
    items: timed.length,
    ...(tau !== undefined && { tau }),
    ...(rho !== undefined && { rho }),
    inversions: findInversions(timed, here, there),
  };
}

function latencyOf({ launches }: SummarisedCell): number {
  return Math.exp(launches.reduce((sum, { figureNs }) => sum + Math.log(figureNs), 0) / launches.length);
}

function findInversions(
  timed: readonly (readonly [SummarisedCell, SummarisedCell])[],
  here: Orders,
  there: Orders,
): PlacePair['ranks']['inversions'] {
  return timed.flatMap(([fast]) =>
    timed.flatMap(([slow]) => {
      const key = orderKey(slow, fast);
      return here.get(key) === 'faster' && there.get(key) === 'slower'
        ? [{ faster: fast.cell.variant.name, slower: slow.cell.variant.name }]
        : [];
    }),
  );
}
