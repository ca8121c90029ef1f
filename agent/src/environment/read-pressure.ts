import { readText } from '../inventory/read-text.ts';

/**
 * Time in which some task waited for a processor since boot, µs: to be differenced. `some … total=` of
 * /proc/pressure/cpu; undefined where the kernel keeps none (before 4.20, or switched off as on Raspberry Pi OS).
 */
export async function readPressure(root: string): Promise<number | undefined> {
  const total = /^some .*\btotal=(\d+)/m.exec((await readText(root, 'proc/pressure/cpu')) ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}
