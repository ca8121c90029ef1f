import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestBytes } from '@qfleet/shared/digest.ts';

/** In the environment of everything that an agent starts, and so of what that starts in turn: whose it is. */
const ownerVariable = 'QFLEET_AGENT_OWNER';
/** A killed process that still shows after this long hangs in the kernel and computes nothing. */
const goneLimitMs = 10_000;

/**
 * Marks what this process starts from now on as the agent's of a state folder, and ends what an earlier agent of that
 * folder left running: its runners would go on under the next measurements. To be called by the folder's owner alone.
 * Resolves with the ended processes' ids when they are gone. Linux; elsewhere runners watch their parent by themselves.
 */
export async function endLeftovers(stateFolder: string): Promise<number[]> {
  const owner = digestBytes(stateFolder).slice(0, 32);
  process.env[ownerVariable] = owner;
  const left = (await listProcesses()).filter((pid) => pid !== process.pid);
  const owned = await Promise.all(left.map(async (pid) => (await ownerOf(pid)) === owner));
  const leftovers = left.filter((_, i) => owned[i]);
  for (const pid of leftovers) kill(pid);
  await waitUntilGone(leftovers);
  return leftovers;
}

async function listProcesses(): Promise<number[]> {
  const names = await readdir('/proc').catch(() => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Undefined too where the process is another user's, or gone. */
async function ownerOf(pid: number): Promise<string | undefined> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  const entry = environment.split('\0').find((line) => line.startsWith(`${ownerVariable}=`));
  return entry?.slice(ownerVariable.length + 1);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** A process that has ended has no environment, even where nobody has waited for it yet. */
async function waitUntilGone(pids: readonly number[]): Promise<void> {
  const until = performance.now() + goneLimitMs;
  for (const pid of pids)
    while (performance.now() < until && (await ownerOf(pid)) !== undefined) await sleep(20);
}
