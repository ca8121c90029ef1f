import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { MeasuredVariant, Measurement } from '../analysis/summarise-measurement.ts';
import { hasErrno } from '../blobs/has-errno.ts';

/** So many digits of the result's digest begin the name of its summaries. */
const ownerDigits = 16;

/** Summaries of measure results that were made once. Nothing is lost with it but time. */
export interface SummaryCache {
  /** Names everything that a summary depends on. */
  keyOf(measurement: Measurement): string;
  /** Undefined where there is none, or none that is whole. */
  read(key: string): Promise<readonly MeasuredVariant[] | undefined>;
  /** Keeps it if it can: a full disk costs the next report time, and this one nothing. */
  write(key: string, variants: readonly MeasuredVariant[]): Promise<void>;
}

/**
 * Opens the summaries of one version of the analysis, `<folder>/<version>/<key>.json`; those of other versions are
 * removed, for nobody reads them any more.
 */
export async function openSummaryCache(folder: string, version: string): Promise<SummaryCache> {
  const own = join(folder, version);
  await mkdir(own, { recursive: true, mode: 0o700 });
  const others = (await readdir(folder)).filter((name) => name !== version);
  await Promise.all(others.map((name) => rm(join(folder, name), { recursive: true, force: true })));
  return new FileSummaryCache(own);
}

class FileSummaryCache implements SummaryCache {
  readonly #folder: string;
  /** Layers of a model are one object for all of its measurements. */
  readonly #layerDigests = new Map<unknown, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  keyOf({ resultDigest, scenario, device, probe, seed, cells }: Measurement): string {
    const digest = digestBytes(
      canonicalJson({
        resultDigest,
        scenario,
        device: Object.values(device).map((value) => value ?? null),
        probe: probe.resultDigest ?? null,
        seed,
        cells: cells.map(({ id, variantDigest, batch, layers }) => [
          id,
          variantDigest,
          batch,
          this.#digestOf(layers),
        ]),
      }),
    );
    // The result first, so that its summaries can be found when it is removed.
    return `${resultDigest.slice(0, ownerDigits)}${digest.slice(ownerDigits)}`;
  }

  async read(key: string): Promise<readonly MeasuredVariant[] | undefined> {
    try {
      const bytes = await readFile(this.#pathOf(key));
      const end = bytes.indexOf('\n');
      const body = bytes.subarray(end + 1);
      if (bytes.toString('latin1', 0, end) !== digestBytes(body)) return undefined;
      return JSON.parse(body.toString('utf8'));
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Two reports at once may write the same: each under a name of its own until it is whole. */
  async write(key: string, variants: readonly MeasuredVariant[]): Promise<void> {
    const body = JSON.stringify(variants);
    const temporary = `${this.#pathOf(key)}.${crypto.randomUUID()}`;
    try {
      await writeFile(temporary, `${digestBytes(body)}\n${body}`, { mode: 0o600 });
      await rename(temporary, this.#pathOf(key));
    } catch {
      await rm(temporary, { force: true });
    }
  }

  #pathOf(key: string): string {
    return join(this.#folder, `${key}.json`);
  }

  #digestOf(layers: unknown): string {
    const known = this.#layerDigests.get(layers);
    if (known !== undefined) return known;
    const digest = digestBytes(canonicalJson(layers ?? null));
    this.#layerDigests.set(layers, digest);
    return digest;
  }
}
