import type { CountersOutcome, CountersTask } from '../counters/calibrate-traffic.ts';
import type { BandwidthKernel } from './bandwidth-kernels.ts';
import type { WorkloadId } from './compute-workloads.ts';

/** What a probe's child process is asked for: one measurement, so that its memory is fresh. */
export type ProbeTask =
  | BandwidthTask
  | LatencyTask
  | CountersTask
  | ComputeTask
  | FrequencyTask
  | StorageTask
  | ProcessTask;

export interface BandwidthTask {
  readonly kind: 'bandwidth';
  readonly threads: number;
  /** Of one of the three arrays; a multiple of 128 bytes per thread. */
  readonly arrayBytes: number;
  /** Passes over all kernels, the first of which is dropped. */
  readonly iterations: number;
  /** After this time no further iteration starts, once three are done. */
  readonly budgetMs: number;
}

export interface LatencyTask {
  readonly kind: 'latency';
  /** Working sets, bytes, ascending multiples of 64. */
  readonly workingSets: readonly number[];
  readonly repetitions: number;
  /** Wanted length of one repetition. */
  readonly repetitionNs: number;
  readonly seed: number;
}

export interface ComputeTask {
  readonly kind: 'compute';
  readonly workload: WorkloadId;
  /** Rows and columns of the matrices; a third of it are the channels of the convolution. */
  readonly size: number;
  readonly threads: number;
  /** Runs go on for so long, longer where fewer than six fit. */
  readonly budgetMs: number;
}

export interface FrequencyTask {
  readonly kind: 'frequency';
  /** Of 64 additions, in one repetition. */
  readonly rounds: number;
  readonly repetitions: number;
  readonly warmupMs: number;
}

export interface StorageTask {
  readonly kind: 'storage';
  readonly folder: string;
  /** A multiple of 1 MiB. */
  readonly pieceBytes: number;
  readonly pieces: number;
  /** Small writes with fsync. */
  readonly syncs: number;
  /** No further piece is written, read, or synced after so long each. */
  readonly writeBudgetMs: number;
  readonly readBudgetMs: number;
  readonly syncBudgetMs: number;
}

export interface ProcessTask {
  readonly kind: 'process';
}

export interface BandwidthOutcome {
  readonly kind: 'bandwidth';
  readonly kernels: Readonly<Record<BandwidthKernel, KernelOutcome>>;
}

export interface KernelOutcome {
  /** From the first thread's start to the last one's end, per timed pass. */
  readonly passNs: readonly number[];
  /** Pieces of 1 MiB over all threads and timed passes, and how many took over twice their thread's median. */
  readonly chunks: number;
  readonly slowChunks: number;
}

export interface LatencyOutcome {
  readonly kind: 'latency';
  readonly ladder: readonly Rung[];
}

/** One working set of the latency ladder. */
export interface Rung {
  readonly workingSetBytes: number;
  /** Time of one dependent load, the least over the repetitions. */
  readonly loadNs: number;
}

export interface ComputeOutcome {
  readonly kind: 'compute';
  /** FLOP or OP of one run. */
  readonly operations: number;
  readonly runNs: readonly number[];
  /** What was wrong with an output; absent where all was right. */
  readonly wrongResult?: string;
}

export interface FrequencyOutcome {
  readonly kind: 'frequency';
  /** Additions in one repetition, each of which needed the one before. */
  readonly adds: number;
  readonly repetitionNs: readonly number[];
}

/** Times of pieces, or why there are none. */
export type StorageTimes =
  | { readonly ns: readonly number[]; readonly reason?: undefined }
  | { readonly ns?: undefined; readonly reason: string };

export interface StorageOutcome {
  readonly kind: 'storage';
  readonly pieceBytes: number;
  readonly write: StorageTimes;
  readonly read: StorageTimes;
  readonly sync: StorageTimes;
}

export interface ProcessOutcome {
  readonly kind: 'process';
  readonly resources: NodeJS.ResourceUsage;
  readonly peakBytes?: number;
  readonly anonymousBytes?: number;
  readonly proportionalBytes?: number;
}

export type ProbeOutcome =
  | BandwidthOutcome
  | LatencyOutcome
  | CountersOutcome
  | ComputeOutcome
  | FrequencyOutcome
  | StorageOutcome
  | ProcessOutcome;

/** What the child sends: how far it is, then either its outcome or why there is none. */
export type ChildMessage =
  | { readonly kind: 'progress'; readonly fraction: number }
  | { readonly kind: 'outcome'; readonly outcome: ProbeOutcome }
  | { readonly kind: 'failure'; readonly message: string };
