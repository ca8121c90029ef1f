import { findIna3221 } from './ina3221.ts';
import { findPi5Pmic } from './pi5-pmic.ts';
import type { FoundMeters, PowerMeter } from './power-meter.ts';
import { findRapl } from './rapl.ts';

/** Every kind of meter there is; a new one is a file and a line here. */
const kinds = [findIna3221, findRapl, findPi5Pmic];

/** All power meters of this device, or the reasons why it has none, in one sentence. */
export async function findMeters(root = '/'): Promise<FoundMeters> {
  const found = await Promise.all(kinds.map((find) => find(root)));
  const meters = found.flatMap((one): readonly PowerMeter[] => ('reason' in one ? [] : one));
  if (meters.length > 0) return meters;
  const reasons = found.flatMap((one) => ('reason' in one ? [one.reason] : []));
  // A permission can be given, a meter cannot.
  const denied = reasons.find((reason) => reason.startsWith('permission'));
  return { reason: denied ?? 'not-present: no power meter (INA3221, RAPL, Raspberry Pi 5 PMIC)' };
}
