import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Engines that are kept, the last used ones. */
const maxEngines = 8;

/** What an engine depends on beside the model: it fits no other version and no other GPU. */
export interface EngineKey {
  readonly modelPath: string;
  readonly version: string;
  readonly gpu: string;
  readonly options: Readonly<Record<string, string>>;
}

/**
 * The engine of a model, built by `build` where there is none yet: that takes minutes on a small board, and every
 * launch is a new process. Built aside and renamed, so that an interrupted build leaves nothing half.
 */
export async function cachedEngine(key: EngineKey, build: (path: string) => Promise<void>): Promise<string> {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'qfleet/engines');
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${await digestOf(key)}.engine`);
  const now = new Date();
  const isThere = await utimes(path, now, now).then(
    () => true,
    () => false,
  );
  if (isThere) return path;
  const partial = `${path}.${process.pid}.partial`;
  try {
    await build(partial);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  await removeOldest(folder);
  return path;
}

async function digestOf({ modelPath, ...rest }: EngineKey): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(rest));
  await pipeline(createReadStream(modelPath), hash, { end: false });
  return hash.digest('hex').slice(0, 32);
}

async function removeOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.engine'));
  const aged = await Promise.all(
    names.map(async (name) => ({ name, atMs: (await stat(join(folder, name))).mtimeMs })),
  );
  const old = aged.toSorted((a, b) => b.atMs - a.atMs).slice(maxEngines);
  for (const { name } of old) await rm(join(folder, name), { force: true });
}
