import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { estimateMedian } from './median-interval.ts';
import type { StorageOutcome, StorageTimes } from './probe-task.ts';

/**
 * `storage.write` and `storage.read` (B/s), medians over pieces of 4 MiB, and `storage.fsync` (ns), the median time of
 * a write of 4 KiB with its fsync. Fewer than six pieces have no interval and are flagged.
 */
export function storageReadings({ write, read, sync, pieceBytes }: StorageOutcome): Reading[] {
  const rate = (ns: number): number => (pieceBytes / ns) * 1e9;
  return [
    storageReading(quantities.write, write, rate),
    storageReading(quantities.read, read, rate),
    storageReading(quantities.sync, sync, (ns) => ns),
  ];
}

/** The same readings where there was no outcome, with the reason. */
export function missingStorageReadings(reason: string): Reading[] {
  return Object.values(quantities).map(({ id, unit, method }) => ({
    ...unavailable(id, unit, reason),
    method,
  }));
}

interface Quantity {
  readonly id: string;
  readonly unit: string;
  readonly method: string;
}

const quantities = {
  write: { id: 'storage.write', unit: 'B/s', method: 'sequential 4 MiB + fsync/1' },
  read: { id: 'storage.read', unit: 'B/s', method: 'sequential 4 MiB, O_DIRECT 1 MiB/1' },
  sync: { id: 'storage.fsync', unit: 'ns', method: '4 KiB in place + fsync/1' },
} as const satisfies Record<string, Quantity>;

function storageReading(quantity: Quantity, times: StorageTimes, convert: (ns: number) => number): Reading {
  const { id, unit, method } = quantity;
  if (times.ns === undefined) return { ...unavailable(id, unit, times.reason), method };
  const { median, interval } = estimateMedian(times.ns.map(convert));
  return {
    quantity: id,
    status: 'measured',
    value: median,
    unit,
    method,
    n: times.ns.length,
    ...(interval ? { interval } : { flags: ['n<6'] }),
  };
}
