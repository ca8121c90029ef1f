import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { digestFile } from '@qfleet/shared/digest.ts';

/** Engines that are kept, the last used ones. */
const maxEngines = 8;
/** No build takes longer, milliseconds. */
const maxBuildMs = 24 * 3_600_000;
/** Of the file beside an engine that holds its SHA-256. */
const digestEnding = '.sha256';

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
  if (await isSound(path)) {
    const now = new Date();
    await utimes(path, now, now);
    return path;
  }
  const partial = `${path}.${process.pid}.partial`;
  try {
    await build(partial);
    await writeFile(`${path}${digestEnding}`, await digestFile(partial));
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  await removeOldest(folder);
  return path;
}

/** Whether there is an engine, and it is the one that was built: a changed one would be measured under the model's name. */
async function isSound(path: string): Promise<boolean> {
  try {
    return (await readFile(`${path}${digestEnding}`, 'utf8')) === (await digestFile(path));
  } catch {
    return false;
  }
}

async function digestOf({ modelPath, ...rest }: EngineKey): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(rest));
  await pipeline(createReadStream(modelPath), hash, { end: false });
  return hash.digest('hex').slice(0, 32);
}

/** Also what a killed process left half built. */
async function removeOldest(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((name) => name.endsWith('.partial'))) {
    const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > maxBuildMs) await rm(join(folder, name), { force: true });
  }
  const names = (await readdir(folder)).filter((name) => name.endsWith('.engine'));
  const aged = await Promise.all(
    names.map(async (name) => ({ name, atMs: (await stat(join(folder, name))).mtimeMs })),
  );
  const old = aged.toSorted((a, b) => b.atMs - a.atMs).slice(maxEngines);
  for (const { name } of old) {
    await rm(join(folder, name), { force: true });
    await rm(join(folder, `${name}${digestEnding}`), { force: true });
  }
}
