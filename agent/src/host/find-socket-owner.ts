import { readdir, readFile, readlink } from 'node:fs/promises';

/**
 * Id of the process that listens on an abstract unix socket, from /proc; undefined where it is another user's, which
 * only root may look into, or where nobody listens.
 */
export async function findSocketOwner(name: string): Promise<number | undefined> {
  const inode = await findInode(name);
  if (inode === undefined) return undefined;
  const wanted = `socket:[${inode}]`;
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const folder = `/proc/${pid}/fd`;
    for (const fd of await readdir(folder).catch(() => []))
      if ((await readlink(`${folder}/${fd}`).catch(() => '')) === wanted) return Number(pid);
  }
  return undefined;
}

/** Whether a process is stopped, as by SIGSTOP or a debugger; undefined where there is none of that id. */
export async function isStopped(pid: number): Promise<boolean | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : /^[Tt]/.test(text.slice(text.lastIndexOf(')') + 2));
}

/** Of the socket that accepts connections (flag 0x10000), not of those that were accepted. */
async function findInode(name: string): Promise<string | undefined> {
  const lines = (await readFile('/proc/net/unix', 'utf8').catch(() => '')).split('\n');
  for (const line of lines) {
    const [, , , flags, , , inode, path] = line.trim().split(/\s+/);
    if (path === `@${name}` && Number.parseInt(flags!, 16) & 0x10000) return inode;
  }
  return undefined;
}
