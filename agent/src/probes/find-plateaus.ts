import type { Rung } from './probe-task.ts';

/** A stretch of the latency ladder in which all working sets take about equally long: one cache level, or DRAM. */
export interface Plateau {
  readonly firstInsideBytes: number;
  readonly lastInsideBytes: number;
  /** The next working set of the ladder; absent where the plateau reaches its end. */
  readonly firstOutsideBytes?: number;
  /** Median of its loads. */
  readonly loadNs: number;
}

/** A rung this much slower than the plateau so far is outside of it. */
const stepRatio = 1.35;
/** Standard deviation over mean of a plateau that is clear. */
const spreadLimit = 0.15;
/** Fewer rungs are a ramp between two levels; three span a factor of two. */
const leastRungs = 3;

/**
 * The clear plateaus of a ladder, ascending. A plateau ends where the load exceeds its running median by more than
 * 35 % in two successive rungs, for one alone is a disturbance; it counts with at least three rungs and a spread
 * of at most 15 %. Rungs ascend by working set.
 */
export function findPlateaus(ladder: readonly Rung[]): Plateau[] {
  const plateaus: Plateau[] = [];
  let first = 0;
  while (first < ladder.length) {
    const end = plateauEnd(ladder, first);
    const plateau = describePlateau(ladder, first, end);
    if (plateau) plateaus.push(plateau);
    first = end;
  }
  return plateaus;
}

/** Index of the first rung outside the plateau that begins at `first`. */
function plateauEnd(ladder: readonly Rung[], first: number): number {
  const inside: number[] = [];
  for (let i = first; i < ladder.length; i++) {
    const limitNs = inside.length > 0 ? stepRatio * median(inside) : Number.POSITIVE_INFINITY;
    const isOutside = ladder[i]!.loadNs > limitNs;
    const isNextOutside = (ladder[i + 1]?.loadNs ?? Number.POSITIVE_INFINITY) > limitNs;
    if (isOutside && isNextOutside) return i;
    if (!isOutside) inside.push(ladder[i]!.loadNs);
  }
  return ladder.length;
}

function describePlateau(ladder: readonly Rung[], first: number, end: number): Plateau | undefined {
  const rungs = ladder.slice(first, end);
  const loads = undisturbed(rungs.map((rung) => rung.loadNs));
  if (loads.length < leastRungs || spread(loads) > spreadLimit) return undefined;
  const outside = ladder[end];
  return {
    firstInsideBytes: rungs[0]!.workingSetBytes,
    lastInsideBytes: rungs.at(-1)!.workingSetBytes,
    ...(outside && { firstOutsideBytes: outside.workingSetBytes }),
    loadNs: median(loads),
  };
}

/** The single rungs that were passed over as disturbed say nothing about the plateau. */
function undisturbed(loads: readonly number[]): number[] {
  const limitNs = stepRatio * median(loads);
  return loads.filter((load) => load <= limitNs);
}

function spread(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return Math.sqrt(variance) / mean;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
