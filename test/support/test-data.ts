import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { dataFolder } from '../../deploy/find-data-folder.ts';

/**
 * Absolute path of a file or folder of the test data, which are no part of the project: for `*.data-test.ts` alone.
 * Throws `not-found` where it is absent.
 */
export function testDataPath(path: string): string {
  const found = join(dataFolder, path);
  if (existsSync(found)) return found;
  throw new QfleetError('not-found', `no test data at ${found}`, {
    hint: 'set QFLEET_TEST_DATA to a folder that has it',
  });
}
