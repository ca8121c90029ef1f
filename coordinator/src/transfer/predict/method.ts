import type { GridItem } from '../grid.ts';

/** Items that were measured on a new system, and the logs of their nanoseconds there; at least one. */
export interface Anchors {
  readonly items: readonly number[];
  readonly logs: readonly number[];
}

/** Tells the new system's latencies from its anchors: logs of nanoseconds over all items. */
export type Predictor = (anchors: Anchors) => Float64Array;

/** A way to tell the latencies of a system that was hardly measured. Pure. */
export interface PredictionMethod {
  readonly id: string;
  /** One sentence. */
  readonly description: string;
  /** Learns from other systems: logs of nanoseconds, each over all items; at least one system. */
  learn(items: readonly GridItem[], sources: readonly Float64Array[]): Predictor;
}
