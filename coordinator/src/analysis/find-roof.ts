import { type Reading, unavailable } from '@qfleet/shared/reading.ts';

/**
 * A peak that the device's own probe measured, `compute.fp32` or `mem.bandwidth.triad`, of as many threads as were
 * used: one, or all. Unavailable with the reason where there is none.
 */
export function findRoof(
  quantity: string,
  { probe, threadsUsed }: { readonly probe: readonly Reading[]; readonly threadsUsed: number | undefined },
): Reading {
  const scoped = `${quantity}.${threadsUsed === 1 ? '1' : 'all'}`;
  const found = probe.find((reading) => reading.quantity === scoped);
  if (!found) return unavailable(scoped, '1', 'not-probed: the device has no reading of its roof');
  const isUsable = found.status === 'unavailable' || found.value > 0;
  return isUsable ? found : unavailable(scoped, found.unit, 'bad-evidence: a reading of 0');
}
