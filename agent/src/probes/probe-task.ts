import type { BandwidthKernel } from './bandwidth-kernels.ts';

/** What a probe's child process is asked for: one measurement, so that its memory is fresh. */
export type ProbeTask = BandwidthTask | LatencyTask;

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

export type ProbeOutcome = BandwidthOutcome | LatencyOutcome;

/** What the child sends: how far it is, then either its outcome or why there is none. */
export type ChildMessage =
  | { readonly kind: 'progress'; readonly fraction: number }
  | { readonly kind: 'outcome'; readonly outcome: ProbeOutcome }
  | { readonly kind: 'failure'; readonly message: string };
