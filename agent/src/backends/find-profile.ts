import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The file that ONNX Runtime wrote for a profile prefix: it appends a time stamp and `.json`. Undefined where there is none. */
export async function findProfile(prefix: string): Promise<string | undefined> {
  const names = await readdir(dirname(prefix));
  const found = names.filter((name) => name.startsWith(`${basename(prefix)}_`) && name.endsWith('.json'));
  const last = found.sort().at(-1);
  return last === undefined ? undefined : join(dirname(prefix), last);
}
