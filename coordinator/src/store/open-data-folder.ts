import { mkdirSync, statSync } from 'node:fs';
import { QfleetError } from '@qfleet/shared/errors.ts';

/**
 * Makes the data folder where it is missing (mode 0700) and checks that nobody else can change what is in it: the key
 * of the certificate authority, the operator's token and the database lie there. Returns what the user should know.
 * Throws `configuration` where it is no folder, where others may write to it, or where it is another user's.
 */
export function openDataFolder(dataDir: string): string[] {
  const { mode, uid } = makeFolder(dataDir);
  const own = process.getuid?.();
  const octal = (mode & 0o7777).toString(8);
  if (mode & 0o002) {
    throw new QfleetError(
      'configuration',
      `Every user of this machine can write to the data folder ${dataDir} (mode ${octal}); expected 700.`,
      { hint: `Check what is in it, then: chmod 700 ${dataDir}` },
    );
  }
  // Root's is as good as ours: volumes of containers are, and root could do anything anyway.
  if (own !== undefined && own !== 0 && uid !== own && uid !== 0) {
    throw new QfleetError(
      'configuration',
      `The data folder ${dataDir} belongs to user ${uid}; this coordinator runs as user ${own}.`,
      { hint: 'Start it as that user, or choose another folder with --data.' },
    );
  }
  return mode & 0o020 ? [`The group can write to the data folder (mode ${octal}): chmod 700 ${dataDir}`] : [];
}

function makeFolder(dataDir: string): { readonly mode: number; readonly uid: number } {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return statSync(dataDir);
  } catch (cause) {
    const message = `The data folder ${dataDir} cannot be used: ${(cause as Error).message}.`;
    const hint = 'Name a folder that this user may make and write, with --data.';
    throw new QfleetError('configuration', message, { hint, cause });
  }
}
