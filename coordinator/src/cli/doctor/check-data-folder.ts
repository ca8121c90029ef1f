import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Check } from './check.ts';

/** The data folder must be ours to write, or makeable, and nobody else's to read: the certificate authority's key lies there. */
export const checkDataFolder: Check = async ({ dataDir }) => {
  const what = 'data folder';
  const found = await stat(dataDir).catch(() => undefined);
  const place = found ? dataDir : dirname(dataDir);
  const isWritable = await access(place, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable) {
    const fix = 'Choose another with --data, or mend its owner and mode.';
    return { what, state: 'failed', detail: `${place} is not writable`, fix };
  }
  if (!found) return { what, state: 'ok', detail: `${dataDir} will be made by \`./qfleet up\`` };
  if (!found.isDirectory()) {
    const fix = 'Name a folder with --data.';
    return { what, state: 'failed', detail: `${dataDir} is no folder`, fix };
  }
  const own = process.getuid?.();
  if (own !== undefined && own !== 0 && found.uid !== own && found.uid !== 0) {
    const fix = 'Use it as that user, or choose another folder with --data.';
    return { what, state: 'failed', detail: `${dataDir} belongs to user ${found.uid}`, fix };
  }
  if (found.mode & 0o002) {
    const detail = `every user can write to ${dataDir} (mode ${(found.mode & 0o7777).toString(8)})`;
    return { what, state: 'failed', detail, fix: `Check what is in it, then: chmod 700 ${dataDir}` };
  }
  if (found.mode & 0o077) {
    const detail = `${dataDir} is open to others (mode ${(found.mode & 0o777).toString(8)})`;
    return { what, state: 'warning', detail, fix: `chmod 700 ${dataDir}` };
  }
  return { what, state: 'ok', detail: dataDir };
};
