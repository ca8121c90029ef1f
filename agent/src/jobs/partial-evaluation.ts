import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { EvaluateJob__Output } from '@qfleet/shared/gen/qfleet/v1/EvaluateJob.ts';
import type { ShardEvaluation } from '../runner/protocol.ts';

/** Of a job's folder: what a later attempt on this device goes on from. */
export const keptOfAttempts = 'shards';
/** A saved shard begins with its digest and a line feed. */
const digestLineBytes = 65;

/**
 * The finished shards of an evaluate job on the disk, for a later attempt. They count only for the very same job
 * and version of the backend: others' are removed.
 */
export class PartialEvaluation {
  readonly #folder: string;
  readonly #jobKey: string;
  #key: string | undefined;
  #finished = new Set<number>();

  static async open(workFolder: string, job: EvaluateJob__Output): Promise<PartialEvaluation> {
    const folder = join(workFolder, keptOfAttempts);
    await mkdir(folder, { recursive: true });
    return new PartialEvaluation(folder, canonicalJson(job));
  }

  private constructor(folder: string, jobKey: string) {
    this.#folder = folder;
    this.#jobKey = jobKey;
  }

  /** Says which version of the backend runs; from then on `has` knows what is finished. */
  async useVersion(backendVersion: string): Promise<void> {
    const key = digestBytes(`${this.#jobKey}\n${backendVersion}`);
    if (this.#key === key) return;
    this.#key = key;
    this.#finished = new Set();
    for (const name of await readdir(this.#folder)) {
      const index = this.#indexOf(name);
      // One that the disk has changed is evaluated again.
      const isSound = index !== undefined && (await this.read(index).catch(() => undefined)) !== undefined;
      if (isSound) this.#finished.add(index);
      else await rm(join(this.#folder, name), { force: true });
    }
  }

  has(index: number): boolean {
    return this.#finished.has(index);
  }

  /** Stores a finished shard; a half-written file never gets its name. */
  async save(index: number, facts: ShardEvaluation): Promise<void> {
    const path = this.#path(index);
    const bytes = serialize(facts);
    await using file = await open(`${path}.unfinished`, 'w');
    await file.writeFile(`${digestBytes(bytes)}\n`);
    await file.writeFile(bytes);
    await file.sync();
    await rename(`${path}.unfinished`, path);
    this.#finished.add(index);
  }

  /** Throws `digest-mismatch` where the disk has changed what was saved. */
  async read(index: number): Promise<ShardEvaluation> {
    const path = this.#path(index);
    const file = await readFile(path);
    const bytes = file.subarray(digestLineBytes);
    if (file.toString('latin1', 0, digestLineBytes) === `${digestBytes(bytes)}\n`)
      return deserialize(bytes) as ShardEvaluation;
    throw new QfleetError('digest-mismatch', `What was evaluated of shard ${index} changed on the disk.`, {
      hint: `Check the disk that holds ${path}.`,
    });
  }

  #path(index: number): string {
    if (!this.#key) throw new QfleetError('internal', 'The version of the backend is not known yet.');
    return join(this.#folder, `${this.#key.slice(0, 16)}-${index}`);
  }

  #indexOf(name: string): number | undefined {
    const [key, index, ...rest] = name.split('-');
    return rest.length === 0 && key === this.#key?.slice(0, 16) && /^\d+$/.test(index ?? '')
      ? Number(index)
      : undefined;
  }
}
