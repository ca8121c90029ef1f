import { chmod, type FileHandle, open, rm } from 'node:fs/promises';

/**
 * Opens a file that grows, to read its beginning and append to its end; makes it with mode 0600. One that was made
 * read-only before it was whole is opened up again, which its owner may; one that belongs to somebody else, as after an
 * agent that root had started, is replaced by an empty one. Throws the system's error where neither is possible.
 */
export async function openToAppend(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a+', 0o600);
  } catch (thrown) {
    if (!isForbidden(thrown)) throw thrown;
  }
  await chmod(path, 0o600).catch((thrown: unknown) => {
    if (!isForbidden(thrown)) throw thrown;
    return rm(path, { force: true });
  });
  return open(path, 'a+', 0o600);
}

function isForbidden(thrown: unknown): boolean {
  return (
    thrown instanceof Error && ['EACCES', 'EPERM'].includes((thrown as NodeJS.ErrnoException).code ?? '')
  );
}
