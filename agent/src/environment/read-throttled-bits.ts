import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readText } from '../inventory/read-text.ts';

/**
 * A Raspberry Pi's `get_throttled` bits: 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft temperature
 * limit; 16 to 19 the same since boot. From sysfs where the kernel shows them, else from `vcgencmd` where it is
 * installed (it needs the group `video`); undefined on other boards.
 */
export async function readThrottledBits(
  root: string,
  { isQuiet = false }: { readonly isQuiet?: boolean } = {},
): Promise<number | undefined> {
  const text = await readText(root, 'sys/devices/platform/soc/soc:firmware/get_throttled');
  if (text !== undefined) return parseBits(text);
  if (isQuiet) return undefined;
  const command = await findCommand(root);
  return command === undefined ? undefined : askFirmware(command);
}

const commandPaths = ['usr/bin/vcgencmd', 'opt/vc/bin/vcgencmd'];

async function findCommand(root: string): Promise<string | undefined> {
  for (const path of commandPaths.map((name) => join(root, name))) {
    const isExecutable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isExecutable) return path;
  }
  return undefined;
}

/** Prints `throttled=0x50005`; without permission to /dev/vcio it fails, and the bits are not to be had. */
async function askFirmware(command: string): Promise<number | undefined> {
  try {
    const { stdout } = await promisify(execFile)(command, ['get_throttled'], { timeout: 1000 });
    return parseBits(stdout.trim().replace(/^throttled=/, ''));
  } catch {
    return undefined;
  }
}

/** sysfs prints `50005` and vcgencmd `0x50005`: both are hexadecimal. */
function parseBits(text: string): number | undefined {
  return /^(0x)?[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : undefined;
}
