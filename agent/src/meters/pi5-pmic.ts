import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readText } from '../inventory/read-text.ts';
import type { FoundMeters } from './power-meter.ts';

const commandPath = 'usr/bin/vcgencmd';

/**
 * A Raspberry Pi 5's power management chip: `vcgencmd pmic_read_adc` tells volts and amperes of each rail, whose
 * products add up to the board's power without what hangs on the 5 V rail. Older Pis have none. Not tried on a
 * board yet.
 */
export async function findPi5Pmic(root: string): Promise<FoundMeters> {
  const model = await readText(root, 'proc/device-tree/model');
  if (!/^Raspberry Pi 5/.test(model ?? '')) {
    return { reason: 'not-present: no power management chip that tells its rails, as a Raspberry Pi 5 has' };
  }
  const command = join(root, commandPath);
  try {
    await access(command, constants.X_OK);
    const read = async (): Promise<number> => {
      const { stdout } = await promisify(execFile)(command, ['pmic_read_adc'], { timeout: 1000 });
      return parsePmic(stdout);
    };
    await read();
    return [{ source: 'pi5-pmic', read: async () => ({ watts: await read() }) }];
  } catch {
    return { reason: 'permission: vcgencmd is not installed or may not ask the firmware (group video)' };
  }
}

/** Lines such as `3V7_WL_SW_A current(0)=0.09759720A` and `3V7_WL_SW_V volt(8)=3.71544800V`. Throws on none. */
export function parsePmic(text: string): number {
  const values = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^\s*(\S+_[AV])\s+\w+\(\d+\)=([\d.]+)[AV]/gm)) {
    values.set(name!, Number(value));
  }
  const rails = [...values.keys()].filter((name) => name.endsWith('_A')).map((name) => name.slice(0, -2));
  const pairs = rails.filter((rail) => values.has(`${rail}_V`));
  if (pairs.length === 0) throw new Error('vcgencmd pmic_read_adc told no rail');
  return pairs.reduce((sum, rail) => sum + values.get(`${rail}_A`)! * values.get(`${rail}_V`)!, 0);
}
