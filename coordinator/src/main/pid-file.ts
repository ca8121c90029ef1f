import { readFileSync, rmSync, statSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';
import { isProcessAlive } from '@qfleet/shared/process/is-process-alive.ts';
import { writeDurably } from '../pki/write-durably.ts';
import { openDataFolder } from '../store/open-data-folder.ts';

const fileName = 'coordinator.pid';

/** What `coordinator.pid` of a data folder tells: `none` also where it was written on another host. */
export type PidFile =
  | { readonly state: 'none' }
  | { readonly state: 'ended' }
  | { readonly state: 'alive'; readonly pid: number };

/**
 * Says that this process is becoming the coordinator of a data folder, before it loads anything: commands wait for one
 * that is starting. It claims nothing (that is the owner's lock), so that a second coordinator leaves the file alone.
 * Throws `configuration` where the data folder cannot be one.
 */
export async function writePidFile(dataDir: string): Promise<void> {
  openDataFolder(dataDir);
  if (readPidFile(dataDir).state === 'alive') return;
  await writeDurably(join(dataDir, fileName), `${process.pid} ${hostname()}\n`, 0o600);
}

/** Takes the file away where it is this process's own. */
export function removePidFile(dataDir: string): void {
  const found = readPidFile(dataDir);
  if (found.state === 'alive' && found.pid === process.pid) rmSync(join(dataDir, fileName), { force: true });
}

/** Looks whether a coordinator runs, or is starting, on a data folder. */
export function readPidFile(dataDir: string): PidFile {
  const path = join(dataDir, fileName);
  try {
    const [pid, host] = readFileSync(path, 'utf8').trim().split(' ');
    if (!/^\d+$/.test(pid ?? '') || host !== hostname()) return { state: 'none' };
    // Numbers of processes begin again with every boot.
    const isOfThisBoot = statSync(path).mtimeMs > Date.now() - uptime() * 1000 - 1000;
    const isAlive = isOfThisBoot && isProcessAlive(Number(pid));
    return isAlive ? { state: 'alive', pid: Number(pid) } : { state: 'ended' };
  } catch {
    return { state: 'none' };
  }
}
