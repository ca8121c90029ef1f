import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const commandPath = 'usr/sbin/nvpmodel';

/** A Jetson's power mode in its own words (`MAXN`, `5W`), from `nvpmodel -q`; undefined on other boards. */
export async function readPowerMode(root: string): Promise<string | undefined> {
  const command = join(root, commandPath);
  try {
    await access(command, constants.X_OK);
    const { stdout } = await promisify(execFile)(command, ['-q'], { timeout: 2000 });
    return /^NV Power Mode:\s*(.+?)\s*$/m.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
