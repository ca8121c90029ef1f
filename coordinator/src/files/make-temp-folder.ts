import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

/**
 * A folder of its own (0700) below `parent`, removed when disposed. The coordinator gives the folder `tmp` of its data
 * folder, which it empties at its start, so that nothing stays of one that was killed; without one it is the system's.
 */
export async function makeTempFolder(purpose: string, parent: string = tmpdir()): Promise<TempFolder> {
  const path = await mkdtemp(join(parent, `qfleet-${purpose}-`));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
