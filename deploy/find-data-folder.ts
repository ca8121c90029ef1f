import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of real models, tables and recordings: QFLEET_TEST_DATA, else `../shared/data` from the project's root. */
export const dataFolder: string = resolve(
  process.env['QFLEET_TEST_DATA'] ?? fileURLToPath(new URL('../../shared/data', import.meta.url)),
);

export function hasDataFolder(): boolean {
  return statSync(dataFolder, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
