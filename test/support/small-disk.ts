import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own, small enough to be filled. */
export interface SmallDisk extends Disposable {
  /** Takes all the space that is left. */
  fill(): Promise<void>;
  /** Gives it back. */
  free(): void;
}

/** Mounts a tmpfs of so many megabytes on a folder, which is made; disposing of it unmounts it, in use or not. */
export function mountSmallDisk(folder: string, megabytes: number): SmallDisk {
  mkdirSync(folder, { recursive: true });
  mount('-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', folder);
  const filler = join(folder, 'filler');
  return {
    fill: async () => {
      const { bavail, bsize } = statfsSync(folder);
      // The last bytes go in small pieces: a write that does not fit as a whole may leave some.
      for (const sizeBytes of [bavail * bsize, 1 << 16, 1 << 12])
        await writeFile(filler, Buffer.alloc(sizeBytes), { flag: 'a' }).catch(() => undefined);
    },
    free: () => rmSync(filler, { force: true }),
    [Symbol.dispose]: () => void spawnSync('umount', ['--lazy', folder]),
  };
}

/** Option for `test`: skip with the reason where file systems cannot be mounted. */
export function needsSmallDisk(): { skip: string | false } {
  const folder = join(tmpdir(), `qfleet-mount-${process.pid}`);
  try {
    mountSmallDisk(folder, 1)[Symbol.dispose]();
    return { skip: false };
  } catch (thrown) {
    return { skip: `a small disk to fill cannot be mounted: ${(thrown as Error).message}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function mount(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(error?.message ?? stderr.trim());
}
