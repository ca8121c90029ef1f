import { realpath, stat } from 'node:fs/promises';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { tryExclusive } from './host-lock.ts';

/** A state folder that this process alone works in, until it is disposed or dead. */
export interface OwnedState extends AsyncDisposable {
  /** Without links: the same for whoever comes to it. */
  readonly path: string;
}

/**
 * Takes a state folder, which exists: two agents in one would undo each other's work. It is known by its path without
 * links, and by its device and inode, which a second mount of it shares; a folder that is removed under its agent and
 * made anew has only the path in common. Throws `configuration` where another agent has it.
 */
export async function ownState(folder: string): Promise<OwnedState> {
  const path = await realpath(folder);
  const { dev, ino } = await stat(path, { bigint: true });
  await using held = new AsyncDisposableStack();
  for (const name of [path, `${dev}:${ino}`]) {
    const owned = await tryExclusive(`qfleet-state-${digestBytes(name).slice(0, 32)}`);
    if (!owned) throw taken(folder, path);
    held.use(owned);
  }
  const kept = held.move();
  return { path, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function taken(folder: string, path: string): QfleetError {
  const where = folder === path ? folder : `${folder} (${path})`;
  return new QfleetError('configuration', `Another agent is running with the state folder ${where}.`, {
    hint: 'Stop it, or give this one another --state folder (and an identity of its own).',
  });
}
