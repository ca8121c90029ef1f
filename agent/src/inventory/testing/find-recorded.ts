import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Recorded devices: `devices/<name>` of the test data beside the project, or of QFLEET_TEST_DATA. */
export interface Recorded {
  readonly path: string;
  /** For `test`: false where the data is there, else why the test is skipped. */
  readonly skip: false | string;
}

/** Finds a folder of recorded devices for a test. */
export function findRecorded(name: string): Recorded {
  const beside = join(import.meta.dirname, '../../../../../shared/data');
  const path = join(process.env['QFLEET_TEST_DATA'] ?? beside, 'devices', name);
  return { path, skip: existsSync(path) ? false : `no recorded devices at ${path}` };
}
