import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { readEmc } from '../meters/emc.ts';
import { findMeters } from '../meters/find-meters.ts';
import { readIdlePower } from '../meters/power-watch.ts';

const units = { 'power.idle': 'W', 'mem.controller.share': '1' } as const;

/** What the device takes while it does nothing, by its own meters, and how busy its memory controller is. */
export async function powerReadings(root = '/'): Promise<Reading[]> {
  const found = await findMeters(root);
  const emc = await readEmc(root);
  return [
    'reason' in found ? unavailable('power.idle', 'W', found.reason) : await idleReading(found),
    'reason' in emc
      ? unavailable('mem.controller.share', '1', emc.reason)
      : {
          quantity: 'mem.controller.share',
          status: 'measured',
          value: emc.utilisation,
          unit: '1',
          method: 'tegra actmon mc_all over emc clock',
        },
  ];
}

/** The same readings without a measurement. */
export function missingPowerReadings(reason: string): Reading[] {
  return Object.entries(units).map(([quantity, unit]) => unavailable(quantity, unit, reason));
}

async function idleReading(meters: Parameters<typeof readIdlePower>[0]): Promise<Reading> {
  const idle = [...(await readIdlePower(meters))];
  // The largest is the widest: a board's input holds its rails.
  const [widest] = idle.sort(([, a], [, b]) => b - a);
  if (!widest) return unavailable('power.idle', 'W', 'failed: no meter could be read twice');
  return { quantity: 'power.idle', status: 'measured', value: widest[1], unit: 'W', method: widest[0] };
}
