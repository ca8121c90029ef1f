import { once } from 'node:events';
import { statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OwnedStore } from '../store/open-store.ts';

/** With less free space, bytes, a result may not fit any more. */
export const neededDiskBytes = 50e6;
/** A part that takes longer does not answer, milliseconds. */
const patienceMs = 5000;

export interface HealthParts {
  readonly store: Pick<OwnedStore, 'findTask' | 'hasFile'>;
  readonly dataDir: string;
  /** Where the fleet's server listens, as bound. */
  readonly fleet: { readonly address: string; readonly port: number };
}

/**
 * Why the coordinator cannot do its work now; empty where it can: the database answers and is the file in the data
 * folder, the disk has room, the agents' port takes connections. Reasons name no paths: whoever asks has no token.
 */
export async function checkHealth(parts: HealthParts): Promise<string[]> {
  const checks = [
    within('the database does not answer', () => checkDatabase(parts.store)),
    within('the disk does not answer', () => checkDisk(parts.dataDir)),
    within('the agents’ port does not answer', () => checkPort(parts.fleet)),
  ];
  return (await Promise.all(checks)).filter((reason) => reason !== undefined);
}

/** Health is a matter of words here: whatever a check throws is its reason. */
async function within(
  silence: string,
  check: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const done = new AbortController();
  const tooLong = sleep(patienceMs, `${silence} within ${patienceMs / 1000} s`, { signal: done.signal });
  tooLong.catch(() => undefined);
  try {
    return await Promise.race([check(), tooLong]);
  } catch {
    return silence;
  } finally {
    done.abort();
  }
}

async function checkDatabase(store: HealthParts['store']): Promise<string | undefined> {
  await store.findTask('none');
  return store.hasFile() ? undefined : 'the database’s file was removed or replaced; restart, and restore it';
}

async function checkDisk(dataDir: string): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(dataDir);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededDiskBytes) return undefined;
  return `the disk is full: ${Math.floor(freeBytes / 1e6)} MB free, at least ${neededDiskBytes / 1e6} MB needed`;
}

async function checkPort({ address, port }: HealthParts['fleet']): Promise<string | undefined> {
  const host = /^(0\.0\.0\.0|\[::\]|::):/.test(address) ? 'localhost' : address.replace(/:\d+$/, '');
  const socket = connect({ host: host.replace(/^\[(.*)\]$/, '$1'), port });
  try {
    await once(socket, 'connect');
    return undefined;
  } finally {
    socket.destroy();
  }
}
