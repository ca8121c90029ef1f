import { setTimeout as sleep } from 'node:timers/promises';
import { tryExclusiveSocket, waitForRelease } from './exclusive-socket.ts';
import { tryLockFile } from './lock-file.ts';

/** How often a lock file is looked at, milliseconds. */
const pollMs = 500;
/** Agents that waited for the same release try at different moments. */
const spreadMs = 50;

/** Abstract unix sockets are Linux's alone. */
const hasSockets = process.platform === 'linux';

export interface HostLockOptions {
  readonly bootId: string;
  /** Told once when somebody else measures. */
  readonly onWait: () => void;
  readonly signal: AbortSignal;
}

/**
 * The host's measurement lock: held by one of all agents of one boot at a time, since two measurements at once
 * spoil each other. Waits until it is free; throws the signal's reason when that is aborted. Disposing releases
 * it, and the death of the process does too.
 */
export async function lockHost({ bootId, onWait, signal }: HostLockOptions): Promise<AsyncDisposable> {
  const name = `qfleet-measure-${bootId}`;
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted();
    const held = await tryExclusive(name);
    if (held) return held;
    if (tries === 0) onWait();
    if (hasSockets) await waitForRelease(name, signal);
    await pause(hasSockets ? Math.random() * spreadMs : pollMs, signal);
  }
}

/** Holds a name of this host exclusively until disposed or dead; undefined where another process holds it. */
export function tryExclusive(name: string): Promise<AsyncDisposable | undefined> {
  return hasSockets ? tryExclusiveSocket(name) : tryLockFile(name);
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  await sleep(durationMs, undefined, { signal }).catch(() => undefined);
}
