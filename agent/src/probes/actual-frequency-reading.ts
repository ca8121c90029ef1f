import { type Reading, unavailable } from '@qfleet/shared/reading.ts';

/**
 * `frequency.actual` (Hz): cycles over the time in which the task really ran, both from the counters' readings. Where
 * either is missing its reason is the answer.
 */
export function actualFrequencyReading(counters: readonly Reading[]): Reading {
  const find = (quantity: string): Reading =>
    counters.find((reading) => reading.quantity === quantity) ??
    unavailable(quantity, '1', `not-supported: no event ${quantity}`);
  const [cycles, clock] = [find('counter.cycles'), find('counter.task-clock')];
  if (cycles.status === 'unavailable') return missing(cycles.reason);
  if (clock.status === 'unavailable') return missing(clock.reason);
  if (clock.value <= 0) return missing('n-too-small: the task did not run');
  const flags = [...new Set([...(cycles.flags ?? []), ...(clock.flags ?? [])])];
  return {
    quantity,
    status: 'derived',
    value: (cycles.value / clock.value) * 1e9,
    unit: 'Hz',
    method,
    ...(flags.length > 0 && { flags }),
  };
}

const quantity = 'frequency.actual';
const method = 'counters cycles over task-clock/1';

function missing(reason: string): Reading {
  return { ...unavailable(quantity, 'Hz', reason), method };
}
