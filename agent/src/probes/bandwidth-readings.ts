import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import {
  type BandwidthKernel,
  bandwidthKernels,
  bytesPerElement,
  elementBytes,
} from './bandwidth-kernels.ts';
import { estimateMedian } from './median-interval.ts';
import type { BandwidthOutcome } from './probe-task.ts';

/** `1`: one thread; `all`: as many as the agent may run at once. One core seldom fills the memory's bandwidth. */
export type ThreadScope = '1' | 'all';

/** What the numbers were obtained with. */
export interface BandwidthSetup {
  readonly scope: ThreadScope;
  readonly arrayBytes: number;
  /** Iterations asked for, the dropped first included. */
  readonly iterations: number;
  readonly flags: readonly string[];
}

/** Method of every bandwidth reading; a change of kernels or of counting makes it `/2`. */
const bandwidthMethod = 'wasm-simd stream-variant/1';

/** A larger share of disturbed pieces than this is flagged. */
const interferenceLimit = 0.05;

/** `mem.bandwidth.triad.all`, and the same with `.median`. */
export function bandwidthQuantity(kernel: BandwidthKernel, scope: ThreadScope): string {
  return `mem.bandwidth.${kernel}.${scope}`;
}

/**
 * Bandwidth readings in B/s: per kernel the best pass, as STREAM reports it, and under `….median` the median with
 * its interval. Flags: those of the set-up; `interference` where over 5 % of the 1 MiB pieces took more than twice
 * their median; `iterations<N` where time ran out before all were done.
 */
export function bandwidthReadings(outcome: BandwidthOutcome, setup: BandwidthSetup): Reading[] {
  return bandwidthKernels.flatMap((kernel) => {
    const { passNs, chunks, slowChunks } = outcome.kernels[kernel];
    const passBytes = (setup.arrayBytes / elementBytes) * bytesPerElement[kernel];
    const rates = passNs.map((ns) => (passBytes / ns) * 1e9);
    const flags = [
      ...setup.flags,
      ...(slowChunks > interferenceLimit * chunks ? ['interference'] : []),
      ...(rates.length < setup.iterations - 1 ? [`iterations<${setup.iterations}`] : []),
    ];
    return kernelReadings(bandwidthQuantity(kernel, setup.scope), rates, flags);
  });
}

/** The same readings where there was no outcome, with the reason. */
export function missingBandwidthReadings(scope: ThreadScope, reason: string): Reading[] {
  return bandwidthKernels.flatMap((kernel) => {
    const quantity = bandwidthQuantity(kernel, scope);
    return [unavailable(quantity, 'B/s', reason), unavailable(`${quantity}.median`, 'B/s', reason)];
  });
}

function kernelReadings(quantity: string, rates: readonly number[], flags: readonly string[]): Reading[] {
  const { median, interval } = estimateMedian(rates);
  const common = {
    status: 'measured' as const,
    unit: 'B/s',
    method: bandwidthMethod,
    n: rates.length,
    ...(flags.length > 0 && { flags: [...flags] }),
  };
  return [
    { ...common, quantity, value: Math.max(...rates) },
    { ...common, quantity: `${quantity}.median`, value: median, ...(interval && { interval }) },
  ];
}
