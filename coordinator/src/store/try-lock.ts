import { closeSync, constants, openSync } from 'node:fs';
import { QfleetError } from '@qfleet/shared/errors.ts';

/** LOCK_EX | LOCK_NB of flock(2), the same on Linux and macOS. */
const exclusiveAtOnce = 2 | 4;

/**
 * Locks a file or folder itself, by its inode, for as long as this process lives; undefined where somebody has it. No
 * name is involved, so that nothing can be deleted to get around it; the kernel releases it with the process, however
 * that dies. Throws `configuration` where the file system has no locks. Source: flock(2), through koffi.
 */
export async function tryLock(
  path: string,
  flags: number = constants.O_RDONLY,
): Promise<Disposable | undefined> {
  const flock = await loadFlock();
  const descriptor = openSync(path, flags | constants.O_NONBLOCK);
  const errno = flock(descriptor);
  if (errno === 0) return { [Symbol.dispose]: () => closeSync(descriptor) };
  closeSync(descriptor);
  if (errno === 'locked') return undefined;
  throw new QfleetError(
    'configuration',
    `${path} cannot be locked (errno ${errno}); expected a file system with locks.`,
    {
      hint: 'Choose a folder on a local disk with --data.',
    },
  );
}

/** 0: locked by us; `locked`: by somebody else; else the errno. */
type Flock = (descriptor: number) => number | 'locked';

/** Loaded when a folder is opened: commands that only ask a running coordinator do without. */
async function loadFlock(): Promise<Flock> {
  try {
    const { default: koffi } = await import('koffi');
    const call = koffi.load(null).func('int flock(int descriptor, int operation)');
    return (descriptor) => {
      if (call(descriptor, exclusiveAtOnce) === 0) return 0;
      const errno = koffi.errno();
      return errno === koffi.os.errno['EWOULDBLOCK'] ? 'locked' : errno;
    };
  } catch (cause) {
    throw new QfleetError('configuration', 'koffi, which locks the data folder, does not load.', {
      hint: 'Repeat `npm ci --include=optional` in the project.',
      cause,
    });
  }
}
