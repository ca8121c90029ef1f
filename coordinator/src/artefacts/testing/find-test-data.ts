import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root =
  process.env['QFLEET_TEST_DATA'] ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));

/** Path of a file of the real test data, and why a test that needs it is skipped, or false. */
export function findTestData(name: string): { readonly path: string; readonly skip: string | false } {
  const path = join(root, name);
  return { path, skip: existsSync(path) ? false : `real test data are not here: ${path} (QFLEET_TEST_DATA)` };
}
