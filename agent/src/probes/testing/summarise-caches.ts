import assert from 'node:assert/strict';
import type { CacheInfo } from '@qfleet/shared/inventory/inventory.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';

const KiB = 1024;

/** A data cache as sysfs reports it. */
export function unified(level: number, sizeKiB: number): CacheInfo {
  const type = level === 1 ? 'data' : 'unified';
  return { level, type, sizeBytes: sizeKiB * KiB, source: 'sysfs' };
}

/** `256…512 KiB` by quantity, or the reason's code. */
export function summariseCaches(readings: readonly Reading[]): Record<string, string> {
  const entries = readings.map((reading) => {
    readingSchema.parse(reading);
    if (reading.status === 'unavailable') return [reading.quantity, reading.reason.split(':')[0]];
    const { low, high } = reading.interval!;
    assert.equal(reading.value, low);
    return [reading.quantity, `${low / KiB}…${high / KiB} KiB`];
  });
  return Object.fromEntries(entries);
}
