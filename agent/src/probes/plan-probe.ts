import { elementBytes } from './bandwidth-kernels.ts';

/** What sizes are chosen from. Absent: not known. */
export interface ProbeLimits {
  /** All last-level caches of the machine together. */
  readonly lastLevelTotalBytes?: number | undefined;
  /** One last-level cache. */
  readonly lastLevelBytes?: number | undefined;
  /** What can be had without swapping. */
  readonly availableBytes: number;
  /** The user's limit; 0: none but a quarter of what is available. */
  readonly maxMemoryBytes: number;
}

export interface ProbeSizes {
  /** Of one of three arrays. */
  readonly arrayBytes: number;
  /** `array<4xLLC` where memory did not allow for STREAM's rule, `llc-unknown` where it could not be checked. */
  readonly arrayFlags: readonly string[];
  /** Working sets of the ladder, ascending. */
  readonly workingSets: readonly number[];
  /** `ladder<4xLLC` where the ladder may not reach DRAM. */
  readonly ladderFlags: readonly string[];
  /** Rows and columns of the compute probe's matrices. */
  readonly computeSize: number;
  /** `size<768` where memory did not allow for it. */
  readonly computeFlags: readonly string[];
}

/**
 * Chooses the sizes of the memory probes. Arrays: four times all last-level caches (STREAM's rule), at least
 * 16 MiB, all three within a quarter of the available memory. Ladder: 2^n and 1.5·2^n from 4 KiB to four times
 * one last-level cache, at least 64 MiB and at most 1 GiB (writing a larger cycle takes longer than the chase),
 * within the same quarter. Compute: 768, at which ONNX Runtime's kernels reach their best within some per cent and a
 * Pi 3 takes half a second, or 256. Beside that every child has Node's own 45 MB, and for compute ONNX Runtime's 40.
 */
export function planProbe(limits: ProbeLimits): ProbeSizes {
  const budgetBytes = memoryBudget(limits);
  const wantedArray = Math.max(4 * (limits.lastLevelTotalBytes ?? 0), 16 * MiB);
  const arrayBytes = roundDown(Math.min(wantedArray, budgetBytes / 3), 4096);
  const wantedSet = Math.min(Math.max(4 * (limits.lastLevelBytes ?? 0), 64 * MiB), 1024 * MiB);
  const workingSets = ladderSizes(Math.min(wantedSet, budgetBytes));
  return {
    arrayBytes,
    arrayFlags: ruleFlags('array<4xLLC', arrayBytes, limits.lastLevelTotalBytes),
    workingSets,
    ladderFlags: ruleFlags('ladder<4xLLC', workingSets.at(-1) ?? 0, limits.lastLevelBytes),
    ...planCompute(budgetBytes),
  };
}

/** Rounds an array up so that every thread gets an equal part in whole pieces of 128 bytes. */
export function arrayForThreads(arrayBytes: number, threads: number): number {
  const perThread = Math.ceil(arrayBytes / threads / segmentBytes) * segmentBytes;
  return perThread * threads;
}

/** The operands as given, as part of the model and as packed, and the result: seven float32 matrices at the most. */
function planCompute(budgetBytes: number): Pick<ProbeSizes, 'computeSize' | 'computeFlags'> {
  const fits = 7 * 4 * wantedComputeSize ** 2 <= budgetBytes;
  return fits
    ? { computeSize: wantedComputeSize, computeFlags: [] }
    : { computeSize: 256, computeFlags: [`size<${wantedComputeSize}`] };
}

const wantedComputeSize = 768;
const MiB = 1024 * 1024;
/** The read kernel's step, in float64: 16 elements. */
const segmentBytes = 16 * elementBytes;
const smallestSet = 4096;
/** One shared WebAssembly memory holds at most 4 GiB; some room is kept for rounding and offsets. */
const wasmLimitBytes = 4 * 1024 * MiB - 16 * MiB;

/** A quarter of what is available, less where the user said so, and 4 MiB at the least: a probe of nothing is none. */
function memoryBudget(limits: ProbeLimits): number {
  const quarter = limits.availableBytes / 4;
  const wanted = limits.maxMemoryBytes > 0 ? Math.min(limits.maxMemoryBytes, quarter) : quarter;
  return Math.max(4 * MiB, Math.min(wanted, wasmLimitBytes));
}

function ladderSizes(largestBytes: number): number[] {
  const sizes: number[] = [];
  for (let size = smallestSet; size <= largestBytes; size *= 2) {
    sizes.push(size);
    if (size * 1.5 <= largestBytes) sizes.push(size * 1.5);
  }
  return sizes;
}

function ruleFlags(flag: string, bytes: number, cacheBytes: number | undefined): string[] {
  if (cacheBytes === undefined) return ['llc-unknown'];
  return bytes < 4 * cacheBytes ? [flag] : [];
}

function roundDown(value: number, step: number): number {
  return Math.floor(value / step) * step;
}
