import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file that may go: it can be made anew, or nobody will read it again. */
export interface StaleFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Statistics that no quantization has used for so long are not waited with, milliseconds: 7 days. */
const unusedMs = 7 * 24 * 3_600_000;

/** A file that is being written has its last name after so long, milliseconds. */
const writingMs = 3_600_000;

/**
 * Calibration statistics of datasets that are gone, or that nothing has used for a week; summaries of results that are
 * gone; and what an interrupted write of either has left.
 */
export async function findStaleFiles(order: {
  readonly dataDir: string;
  readonly datasetDigests: Iterable<string>;
  readonly resultDigests: Iterable<string>;
  readonly nowMs: number;
}): Promise<StaleFile[]> {
  const { dataDir, datasetDigests, resultDigests, nowMs } = order;
  const calibration = await listFiles(join(dataDir, 'calibration'));
  const summaries = await listFiles(join(dataDir, 'summaries'));
  const isKept = (file: Found, prefixes: ReadonlySet<string>): boolean =>
    file.name.endsWith('.json')
      ? prefixes.has(file.name.slice(0, ownerDigits))
      : file.modifiedAtMs > nowMs - writingMs;
  const datasets = toPrefixes(datasetDigests);
  const results = toPrefixes(resultDigests);
  return [
    ...calibration.filter((file) => !isKept(file, datasets) || file.modifiedAtMs < nowMs - unusedMs),
    ...summaries.filter((file) => !isKept(file, results)),
  ].map(({ path, sizeBytes }) => ({ path, sizeBytes }));
}

/** So many digits of the digest that a kept file depends on begin its name (calibration-cache.ts, summary-cache.ts). */
const ownerDigits = 16;

function toPrefixes(digests: Iterable<string>): Set<string> {
  return new Set([...digests].map((digest) => digest.slice(0, ownerDigits)));
}

interface Found extends StaleFile {
  readonly name: string;
  readonly modifiedAtMs: number;
}

async function listFiles(folder: string): Promise<Found[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const found = entries
    .filter((entry) => entry.isFile())
    .map(async ({ parentPath, name }): Promise<Found | undefined> => {
      const path = join(parentPath, name);
      const about = await stat(path).catch(() => undefined);
      return about && { path, name, sizeBytes: about.size, modifiedAtMs: about.mtimeMs };
    });
  return (await Promise.all(found)).filter((file) => file !== undefined);
}
