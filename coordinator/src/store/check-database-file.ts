import { closeSync, lstatSync, openSync, readSync, statSync } from 'node:fs';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { damagedDatabase, restoreHint } from './damaged-database.ts';

/** The first bytes of every SQLite database. Source: "Database File Format", 1.3. */
const magic = 'SQLite format 3\0';
const headerBytes = 100;

/**
 * Looks at a database's file before SQLite does, which takes an empty file for a new database and stops at a named
 * pipe. Says whether there is one. Throws `configuration` naming the file and the way back.
 */
export function checkDatabaseFile(path: string): boolean {
  if (!lstatSync(path, { throwIfNoEntry: false })) return false;
  const { size } = statOf(path);
  if (size === 0) throw damagedDatabase(path, 'is empty: its content is lost');
  const header = readHeader(path);
  if (header.toString('latin1', 0, magic.length) !== magic) {
    throw damagedDatabase(path, 'is no SQLite database: it is damaged, or another file in its place');
  }
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const pages = header.readUInt32BE(28);
  // A checkpoint that was cut off is completed from the log.
  if (size < pages * pageBytes && logBytes(path) === 0) {
    throw damagedDatabase(path, `is cut short: it has ${size} of ${pages * pageBytes} bytes`);
  }
  return true;
}

function logBytes(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

function statOf(path: string): { readonly size: number } {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return found;
  const what = !found ? 'a link that leads nowhere' : found.isDirectory() ? 'a folder' : 'no regular file';
  throw new QfleetError('configuration', `${path} is ${what}; expected the database.`, { hint: restoreHint });
}

/** The database must be ours to read and write: SQLite would say "unable to open". */
function readHeader(path: string): Buffer {
  try {
    const descriptor = openSync(path, 'r+');
    try {
      const header = Buffer.alloc(headerBytes);
      readSync(descriptor, header, 0, headerBytes, 0);
      return header;
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const hint = 'Check its owner and mode, and the disk; the coordinator reads and writes it.';
    const message = `The database ${path} cannot be opened: ${(cause as Error).message}.`;
    throw new QfleetError('configuration', message, { hint, cause });
  }
}
