import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { readText } from './read-text.ts';

/**
 * The id of this boot of the host, a UUID: agents in containers of one host share it, and every restart of the
 * host changes it. Throws `unsupported` where the system gives none, since without it monotonic times cannot be
 * told apart over restarts.
 */
export async function readBootId(root = '/'): Promise<string> {
  const bootId = (await readText(root, 'proc/sys/kernel/random/boot_id')) ?? (await readDarwinBootId());
  if (bootId) return bootId;
  throw new QfleetError('unsupported', 'Expected a boot id in /proc/sys/kernel/random/boot_id, found none.', {
    hint: 'Mount /proc in the container that the agent runs in.',
  });
}

async function readDarwinBootId(): Promise<string | undefined> {
  if (process.platform !== 'darwin') return undefined;
  const { stdout } = await promisify(execFile)('sysctl', ['-n', 'kern.bootsessionuuid']);
  return stdout.trim().toLowerCase();
}
