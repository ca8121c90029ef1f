import type { Figure } from './figure.ts';

/** What every benchmark works with. */
export interface BenchContext {
  /** An empty folder, removed afterwards. */
  readonly folder: string;
  /** Rounds of launches; a round launches each side once, in random order. */
  readonly rounds: number;
  /** Devices of a large fleet. */
  readonly devices: number;
  /** Pairs of equal variants that are compared. */
  readonly pairs: number;
  /** Threads inside an operator; 0: one for each processor. */
  readonly threads: number;
  /** Seeds orders and intervals. */
  readonly seed: number;
  /** Tells people how far it is. */
  progress(text: string): void;
  readonly signal: AbortSignal;
}

/** One file of this folder each. */
export interface Benchmark {
  readonly id: string;
  /** What is measured, in one line. */
  readonly title: string;
  run(context: BenchContext): Promise<Figure[]>;
}
