import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { estimateMedian, type MedianEstimate } from './median-interval.ts';
import type { FrequencyOutcome } from './probe-task.ts';

/** One measurement of the clock, or why there is none. */
export type FrequencyResult = FrequencyOutcome | { readonly reason: string };

/** The clock may be so much slower after the probes than before them until it is flagged. */
const canaryLimit = 0.03;

/**
 * `frequency.derived.1` (Hz) from before the other probes and `frequency.derived.1.after` from after them, by the
 * same chain of additions: medians with their intervals. Both carry `canary>3%` where the second is more than 3 %
 * slower: heat, a power limit, or a neighbour came in between, and what was measured meanwhile may be too low.
 */
export function frequencyReadings(before: FrequencyResult, after: FrequencyResult): Reading[] {
  const [first, second] = [estimate(before), estimate(after)];
  const slowed = 'median' in first && 'median' in second && second.median < (1 - canaryLimit) * first.median;
  const flags = slowed ? [`canary>${100 * canaryLimit}%`] : [];
  return [reading('frequency.derived.1', first, flags), reading('frequency.derived.1.after', second, flags)];
}

const method = 'wasm dependent-add, 1 cycle per add assumed/1';

type Estimate = (MedianEstimate & { readonly n: number }) | { readonly reason: string };

function estimate(result: FrequencyResult): Estimate {
  if ('reason' in result) return result;
  const rates = result.repetitionNs.map((ns) => (result.adds / ns) * 1e9);
  return { ...estimateMedian(rates), n: rates.length };
}

function reading(quantity: string, found: Estimate, flags: readonly string[]): Reading {
  if ('reason' in found) return { ...unavailable(quantity, 'Hz', found.reason), method };
  return {
    quantity,
    status: 'derived',
    value: found.median,
    unit: 'Hz',
    method,
    n: found.n,
    ...(found.interval && { interval: found.interval }),
    ...(flags.length > 0 && { flags: [...flags] }),
  };
}
