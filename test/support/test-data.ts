import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root folder. */
export const projectFolder = fileURLToPath(new URL('../..', import.meta.url));

const folder = resolve(process.env['QFLEET_TEST_DATA'] ?? join(projectFolder, '../shared/data'));

/** Absolute path of a file of the test data, which is no part of the project. */
export function testDataPath(path: string): string {
  return join(folder, path);
}

/** Option for `test`: skip with the reason where one of these files is absent. */
export function needsTestData(...paths: readonly string[]): { skip: string | false } {
  const missing = paths.find((path) => !existsSync(testDataPath(path)));
  return {
    skip: missing === undefined ? false : `no ${path(missing)}; set QFLEET_TEST_DATA to a folder that has it`,
  };
}

function path(missing: string): string {
  return testDataPath(missing);
}
