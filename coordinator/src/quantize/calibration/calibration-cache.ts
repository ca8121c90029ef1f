import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { Statistics } from './tensor-statistics.ts';

/** What statistics depend on; equal keys mean equal statistics, but for the last bits of another processor's kernels. */
export interface StatisticsKey {
  /** SHA-256 of the folded (or equalized) model's bytes. */
  readonly model: string;
  readonly datasetDigest: string;
  /** First so many items. */
  readonly count: number;
  /** How items become inputs. */
  readonly contract: unknown;
  readonly tensors: readonly string[];
  readonly hasHistograms: boolean;
  /** Those of the tensors that have histograms, where not all do. */
  readonly counted?: readonly string[];
}

/** Where statistics are kept between quantizations, so that one that was interrupted goes on from them. */
export interface CalibrationCache {
  find(key: StatisticsKey): Promise<Statistics | undefined>;
  keep(key: StatisticsKey, statistics: Statistics): Promise<void>;
}

/** Files are removed, the longest unused first, above so many bytes. */
const maxBytes = 256 * 2 ** 20;
/** So many digits of the dataset's digest begin the name of its files. */
const ownerDigits = 16;
/** Part of every key: another way of collecting must not find what an older one left. */
const version = 3;

/** Keeps nothing: for quantizing plain files. */
export const noCache: CalibrationCache = {
  find: async () => undefined,
  keep: async () => undefined,
};

/** One file per key in a folder, written whole or not at all. A file that cannot be read counts as absent. */
export function openCalibrationCache(folder: string): CalibrationCache {
  const pathOf = (key: StatisticsKey): string => {
    const digest = digestBytes(Buffer.from(canonicalJson({ ...key, version })));
    // The dataset comes first, so that its statistics can be found when it is removed.
    return join(folder, `${key.datasetDigest.slice(0, ownerDigits)}${digest.slice(ownerDigits)}.json`);
  };
  return {
    async find(key) {
      const path = pathOf(key);
      try {
        const statistics = JSON.parse(await readFile(path, 'utf8')) as Statistics;
        const now = new Date();
        await utimes(path, now, now);
        return key.tensors.every((tensor) => statistics[tensor]) ? statistics : undefined;
      } catch {
        return undefined;
      }
    },
    async keep(key, statistics) {
      await mkdir(folder, { recursive: true });
      const path = pathOf(key);
      const unfinished = `${path}.${randomUUID()}.new`;
      await writeFile(unfinished, canonicalJson(statistics));
      await rename(unfinished, path);
      await removeOldest(folder);
    },
  };
}

async function removeOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const found = await Promise.all(names.map((name) => describeFile(join(folder, name))));
  const files = found.filter((file) => file !== undefined);
  files.sort((a, b) => b.mtimeMs - a.mtimeMs);
  let bytes = 0;
  for (const { path, size } of files) {
    bytes += size;
    if (bytes > maxBytes) await unlink(path).catch(() => undefined);
  }
}

/** Undefined where another process was quicker to remove it. */
async function describeFile(
  path: string,
): Promise<{ readonly path: string; readonly size: number; readonly mtimeMs: number } | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && { path, size: found.size, mtimeMs: found.mtimeMs };
}
