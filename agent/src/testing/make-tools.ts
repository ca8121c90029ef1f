import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { JobTools } from '../jobs/run-job.ts';
import { startRunner } from '../runner/start-runner.ts';

/** Files by digest in a folder, for jobs that run without a coordinator. */
export async function storeBlob(
  folder: string,
  bytes: Uint8Array,
): Promise<{ digest: string; sizeBytes: number }> {
  await mkdir(folder, { recursive: true });
  const digest = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(folder, digest), bytes);
  return { digest, sizeBytes: bytes.length };
}

/** Real runners, blobs from a folder, no lock: the tests of the lock are its own. */
export function makeTools(blobFolder: string, over: Partial<JobTools> = {}): JobTools {
  return {
    agentVersion: '0',
    bootId: 'boot',
    isEmulated: false,
    nodeCommand: [process.execPath],
    acquireBlob: async ({ digest }) => ({
      path: join(blobFolder, digest),
      assertUnchanged: async () => undefined,
      [Symbol.dispose]: () => undefined,
    }),
    startRunner,
    lockHost: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
    readEnvironment: async () => ({ atUnixMs: 0 }),
    runProbes: async () => {
      throw new QfleetError('internal', 'No probes here.');
    },
    ...over,
  };
}
