import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The name of the data folder in a project. */
const dataDirName = '.qfleet';

/**
 * Where a coordinator keeps everything, absolute: the flag, else `QFLEET_DATA`, else the `.qfleet` folder of this or
 * the nearest folder above that has one, else `.qfleet` here.
 */
export function resolveDataDir(options: {
  readonly flag: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}): string {
  const { flag, env, cwd } = options;
  const given = flag ?? env['QFLEET_DATA'];
  if (given) return resolve(cwd, given);
  return findUpwards(cwd) ?? join(cwd, dataDirName);
}

function findUpwards(folder: string): string | undefined {
  const candidate = join(folder, dataDirName);
  if (existsSync(candidate)) return candidate;
  const parent = dirname(folder);
  return parent === folder ? undefined : findUpwards(parent);
}
