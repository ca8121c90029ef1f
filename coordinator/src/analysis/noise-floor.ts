import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { PlaceComparison } from './comparison.ts';

const quantity = 'fleet.noise.floor';

/**
 * How far fp32 itself is from one place to another, dB: the lowest SQNR of the fp32 variant's outputs over all places
 * that are compared with the reference place. A quantized variant that differs by less is as alike as the fleet's
 * floats are; one that differs by more differs for being quantized.
 */
export function noiseFloor(
  comparisons: readonly PlaceComparison[],
  floatDigest: string | undefined,
): Reading {
  const floats = comparisons.filter(({ variant }) => variant.digest === floatDigest);
  if (floats.length === 0) return unavailable(quantity, 'dB', 'no-reference: fp32 ran in one place alone');
  const readings = floats.map(({ readings }) => readings['transfer.sqnr.output']);
  const values = readings.flatMap((one) => (one && one.status !== 'unavailable' ? [one.value] : []));
  const identical = floats.filter(({ outputs }) => outputs === 'identical').length;
  if (values.length > 0) {
    return available({
      quantity,
      status: 'derived',
      value: Math.min(...values),
      unit: 'dB',
      method: 'lowest sqnr of fp32 between places',
      n: values.length + identical,
    });
  }
  const reason = identical > 0 ? 'identical: fp32 gives the same bytes everywhere' : 'not-compared';
  return unavailable(quantity, 'dB', reason);
}
