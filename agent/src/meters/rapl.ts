import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listNames, readNumber, readText } from '../inventory/read-text.ts';
import type { FoundMeters, PowerMeter } from './power-meter.ts';

const folder = 'sys/class/powercap';

/**
 * RAPL, the energy counters of x86 packages, in µJ; AMD's processors show theirs under Intel's name too. Since Linux
 * 5.10 root alone may read them. Absent in virtual machines.
 */
export async function findRapl(root: string): Promise<FoundMeters> {
  const zones = await listNames(root, folder, /^intel-rapl:\d+$/);
  if (zones.length === 0) return { reason: 'not-present: no RAPL, as in most virtual machines' };
  const meters: PowerMeter[] = [];
  for (const zone of zones) {
    const path = join(root, folder, zone, 'energy_uj');
    const denial = await readFile(path, 'utf8').then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (denial === 'EACCES' || denial === 'EPERM') {
      return { reason: 'permission: the kernel shows RAPL to root alone' };
    }
    const wrapMicrojoules = await readNumber(root, `${folder}/${zone}/max_energy_range_uj`);
    const name = (await readText(root, `${folder}/${zone}/name`)) ?? zone;
    if (denial !== undefined) continue;
    meters.push({
      source: `rapl:${name}`,
      ...(wrapMicrojoules !== undefined && { wrapJoules: wrapMicrojoules / 1e6 }),
      read: async () => ({ joules: Number(await readFile(path, 'utf8')) / 1e6 }),
    });
  }
  return meters.length > 0 ? meters : { reason: 'not-present: no RAPL zone can be read' };
}
