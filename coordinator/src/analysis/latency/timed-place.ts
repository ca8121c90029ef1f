import type { Reading } from '@qfleet/shared/reading.ts';
import type { LayerUse } from '../cell.ts';

/** One variant in one place, as far as latencies can be told from it or of it. */
export interface TimedPlace {
  /** Median latency of one inference, nanoseconds; undefined where the variant was not timed there. */
  readonly latencyNs: number | undefined;
  /** That of the fp32 variant in the same place. */
  readonly floatLatencyNs: number | undefined;
  readonly threadsUsed: number | undefined;
  readonly probe: readonly Reading[];
  readonly work: {
    /** Multiply-accumulates of one inference, the whole batch; undefined where they could not be counted. */
    readonly macs: number | undefined;
    /** Weights, inputs and outputs once. */
    readonly bytes: number;
    /** Whether most of the time goes into integer kernels. */
    readonly isInteger: boolean;
  };
  /** As profiled; empty without a profile. */
  readonly layers: readonly LayerUse[];
}
