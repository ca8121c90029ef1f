import { type Reading, unavailable } from '@qfleet/shared/reading.ts';

/**
 * Readings by quantity. One that is no finite number, as absurd values of a device can make it, has a reason in its
 * place: JSON would write it as null, and null is no value.
 */
export function indexReadings(readings: readonly Reading[]): Record<string, Reading> {
  return Object.fromEntries(readings.map((reading) => [reading.quantity, requireFinite(reading)]));
}

function requireFinite(reading: Reading): Reading {
  if (reading.status === 'unavailable') return reading;
  const { value, interval } = reading;
  if ([value, interval?.low ?? 0, interval?.high ?? 0].every(Number.isFinite)) return reading;
  return unavailable(
    reading.quantity,
    reading.unit,
    'bad-evidence: what the device reported gives no finite number',
  );
}
