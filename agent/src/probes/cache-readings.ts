import type { CacheInfo } from '@qfleet/shared/inventory/inventory.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { dataCache, lastLevelCache } from '../inventory/read-caches.ts';
import { findPlateaus, type Plateau } from './find-plateaus.ts';
import type { Rung } from './probe-task.ts';

/** `cache.l1d.reported`, `cache.l2.reported`, `cache.llc.reported`: what the machine claims, and who says so. */
export function reportedCacheReadings(caches: readonly CacheInfo[]): Reading[] {
  return [
    reported('cache.l1d.reported', dataCache(caches, 1)),
    reported('cache.l2.reported', dataCache(caches, 2)),
    reported('cache.llc.reported', lastLevelCache(caches)),
  ];
}

/** The same readings where nobody asked the machine, with the reason. */
export function missingReportedCacheReadings(reason: string): Reading[] {
  return ['cache.l1d.reported', 'cache.l2.reported', 'cache.llc.reported'].map((quantity) =>
    unavailable(quantity, 'B', reason),
  );
}

/**
 * `cache.l1d.effective`, `cache.l2.effective`, `cache.llc.effective`: what a program gets, from the latency
 * ladder. The value is the largest working set that still runs at the level's speed, the interval reaches to the
 * next rung, where it no longer does. A virtual machine's last level is often far less than reported.
 *
 * Plateaus that are slower than half of DRAM are DRAM, where address translation adds its own steps. Where the
 * last level shows no plateau of its own, its end is taken where the load passes the geometric mean of the
 * plateau below and DRAM; the method says which it was.
 */
export function effectiveCacheReadings(ladder: readonly Rung[], caches: readonly CacheInfo[]): Reading[] {
  const dramNs = ladder.at(-1)?.loadNs ?? 0;
  const plateaus = findPlateaus(ladder).filter((plateau) => plateau.loadNs < dramNs / 2);
  const l1 = startsAtL1(ladder, plateaus) ? plateaus[0] : undefined;
  const higher = plateaus.filter((plateau) => plateau !== l1);
  const l2ReportedBytes = dataCache(caches, 2)?.sizeBytes ?? Number.POSITIVE_INFINITY;
  // A plateau that goes on beyond the L2 belongs to the level behind it, which is about as fast.
  const l2 = l1 && higher.find((plateau) => plateau.lastInsideBytes <= l2ReportedBytes);
  return [
    effective('cache.l1d.effective', l1),
    effective('cache.l2.effective', l2),
    lastLevelReading(ladder, { caches, l2, last: higher.at(-1) }),
  ];
}

const plateauMethod = 'latency-ladder plateau/1';
const stepMethod = 'latency-ladder dram-step/1';

function reported(quantity: string, cache: CacheInfo | undefined): Reading {
  if (!cache) return unavailable(quantity, 'B', 'not-present: neither sysfs nor a table tells it');
  return {
    quantity,
    status: 'derived',
    value: cache.sizeBytes,
    unit: 'B',
    method: `reported:${cache.source}`,
  };
}

function startsAtL1(ladder: readonly Rung[], plateaus: readonly Plateau[]): boolean {
  return plateaus[0] !== undefined && plateaus[0].firstInsideBytes === ladder[0]?.workingSetBytes;
}

function effective(quantity: string, plateau: Plateau | undefined): Reading {
  if (plateau?.firstOutsideBytes === undefined) return unclear(quantity);
  const edge = { lastInside: plateau.lastInsideBytes, firstOutside: plateau.firstOutsideBytes };
  return edgeReading(quantity, edge, plateauMethod);
}

interface Levels {
  readonly caches: readonly CacheInfo[];
  readonly l2: Plateau | undefined;
  /** The last plateau that is no DRAM. */
  readonly last: Plateau | undefined;
}

function lastLevelReading(ladder: readonly Rung[], levels: Levels): Reading {
  const quantity = 'cache.llc.effective';
  const reportedLevels = lastLevelCache(levels.caches)?.level ?? 2;
  const isBeyondL2 = levels.last !== levels.l2;
  if (levels.last && (isBeyondL2 || reportedLevels <= 2)) return effective(quantity, levels.last);
  const edge = levels.l2 && stepToDram(ladder, levels.l2);
  return edge ? edgeReading(quantity, edge, stepMethod) : unclear(quantity);
}

interface Edge {
  readonly lastInside: number;
  readonly firstOutside: number;
}

function stepToDram(ladder: readonly Rung[], below: Plateau): Edge | undefined {
  const thresholdNs = Math.sqrt(below.loadNs * (ladder.at(-1)?.loadNs ?? 0));
  const outside = ladder.findLastIndex((rung) => rung.loadNs <= thresholdNs) + 1;
  const lastInside = ladder[outside - 1]?.workingSetBytes;
  const firstOutside = ladder[outside]?.workingSetBytes;
  return lastInside !== undefined && firstOutside !== undefined ? { lastInside, firstOutside } : undefined;
}

function edgeReading(quantity: string, edge: Edge, method: string): Reading {
  return {
    quantity,
    status: 'derived',
    value: edge.lastInside,
    unit: 'B',
    method,
    interval: { low: edge.lastInside, high: edge.firstOutside, method: 'neighbouring-rungs' },
  };
}

function unclear(quantity: string): Reading {
  return unavailable(quantity, 'B', 'unclear-plateau: the latency ladder shows no clear step for this level');
}
