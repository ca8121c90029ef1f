import type * as z from 'zod';
// The type alone: an agent makes readings and must not keep a validator in memory for it.
import type { readingSchema } from './reading-schema.ts';

/** One value with its unit, its method and its status, or the reason why there is none. */
export type Reading = z.infer<typeof readingSchema>;
export type AvailableReading = Extract<Reading, { value: number }>;

/** A reading that could not be had, with the reason. */
export function unavailable(quantity: string, unit: string, reason: string): Reading {
  return { quantity, status: 'unavailable', unit, reason };
}

/** The value of a reading, or undefined where it is unavailable. */
export function readingValue(reading: Reading | undefined): number | undefined {
  return reading && reading.status !== 'unavailable' ? reading.value : undefined;
}
