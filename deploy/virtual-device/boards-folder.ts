import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where emulators and the files of emulated boards are kept: QFLEET_VIRTUAL_DEVICES, else inside the checkout. */
export const boardsFolder: string =
  process.env['QFLEET_VIRTUAL_DEVICES'] ??
  join(fileURLToPath(new URL('../..', import.meta.url)), '.qfleet/virtual-devices');
