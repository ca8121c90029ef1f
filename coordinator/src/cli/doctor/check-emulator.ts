import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Check } from './check.ts';

/** Whether boards can be emulated here; nothing else needs it. */
export const checkEmulator: Check = async ({ context }) => {
  const program = 'qemu-aarch64-static';
  const folders = (context.env['PATH'] ?? '').split(delimiter);
  const found = folders.map((folder) => join(folder, program)).find(existsSync);
  if (found) return { what: 'emulator', state: 'ok', detail: found };
  const fix = 'To emulate boards on Debian or Ubuntu: sudo apt install qemu-user-static';
  return { what: 'emulator', state: 'warning', detail: `${program} is not installed`, fix };
};
