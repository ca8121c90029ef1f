import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder that stands for the root of a machine in a test; removed when it is disposed of. */
export interface FakeRoot extends AsyncDisposable {
  readonly path: string;
}

/** Writes files, path → text, under a new folder. Paths as on the machine: `proc/cpuinfo`. */
export async function writeRoot(files: Readonly<Record<string, string>>): Promise<FakeRoot> {
  const path = await mkdtemp(join(tmpdir(), 'qfleet-root-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
