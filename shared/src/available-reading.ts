import type { AvailableReading } from './reading.ts';
import type { Interval } from './statistics/interval.ts';

/** A reading with a value; absent parts are left out, so that equal readings are equal JSON. */
export function available(reading: {
  readonly quantity: string;
  readonly status?: 'measured' | 'derived';
  readonly value: number;
  readonly unit: string;
  readonly method: string;
  readonly interval?: Interval | undefined;
  readonly n?: number;
  readonly flags?: readonly string[];
}): AvailableReading {
  const { interval, n, flags } = reading;
  return {
    quantity: reading.quantity,
    status: reading.status ?? 'measured',
    value: reading.value,
    unit: reading.unit,
    method: reading.method,
    ...(interval && { interval: { low: interval.low, high: interval.high, method: interval.method } }),
    ...(n !== undefined && { n }),
    ...(flags?.length && { flags: [...flags] }),
  };
}
