import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { Rung } from './probe-task.ts';

/** Method of the ladder's readings; a change of the chase makes it `/2`. */
const latencyMethod = 'wasm pointer-chase/1';

/**
 * `mem.latency.l1` and `mem.latency.dram`, ns per load that waits for the one before: the smallest and the largest
 * working set of a ladder. `flags` say where the largest may not reach DRAM. The ladder must not be empty.
 */
export function latencyReadings(
  ladder: readonly Rung[],
  setup: { repetitions: number; flags: readonly string[] },
): Reading[] {
  const reading = (quantity: string, rung: Rung, flags: readonly string[]): Reading => ({
    quantity,
    status: 'measured',
    value: rung.loadNs,
    unit: 'ns',
    method: latencyMethod,
    n: setup.repetitions,
    ...(flags.length > 0 && { flags: [...flags] }),
  });
  return [
    reading('mem.latency.l1', ladder[0]!, []),
    reading('mem.latency.dram', ladder.at(-1)!, setup.flags),
  ];
}

/** The same readings, and the effective cache sizes that need the ladder, where there is none. */
export function missingLatencyReadings(reason: string): Reading[] {
  return [
    unavailable('mem.latency.l1', 'ns', reason),
    unavailable('mem.latency.dram', 'ns', reason),
    unavailable('cache.l1d.effective', 'B', reason),
    unavailable('cache.l2.effective', 'B', reason),
    unavailable('cache.llc.effective', 'B', reason),
  ];
}
