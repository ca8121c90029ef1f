import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keptOfAttempts } from './jobs/partial-evaluation.ts';

/** Work of a job that never came back, and what was left in the temporary folder, is removed after this long. */
const maxAgeMs = 7 * 24 * 3600 * 1000;
/** What the agent's commands, probes and runners make there, and remove unless they are killed. */
const temporaryPattern = /^qfleet-(bench|trtexec|numerics)-/;

/**
 * Removes what a killed agent left behind: of a job's work all but the finished shards of an evaluation, which its next
 * attempt goes on from; these too, and old folders in the temporary folder, after a week. What cannot be removed stays.
 */
export async function removeLeftovers(
  workFolder: string,
  { temporaryFolder = tmpdir(), nowMs = Date.now() } = {},
): Promise<void> {
  await mkdir(workFolder, { recursive: true });
  for (const name of await readdir(workFolder)) {
    const job = join(workFolder, name);
    if (await isOld(job, nowMs)) await remove(job);
    else for (const part of await namesIn(job)) if (part !== keptOfAttempts) await remove(join(job, part));
  }
  for (const name of await namesIn(temporaryFolder)) {
    const path = join(temporaryFolder, name);
    if (temporaryPattern.test(name) && (await isOld(path, nowMs))) await remove(path);
  }
}

async function isOld(path: string, nowMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && nowMs - found.mtimeMs > maxAgeMs;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** Another user's, or on a disk that fails: nothing to stop an agent for. */
async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}
