import { QfleetError } from '@qfleet/shared/errors.ts';
import { damagedDatabase } from './damaged-database.ts';

/** SQLite's primary result codes (sqlite3.h); the upper bytes of an extended code say more. */
const codes = { readOnly: 8, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

/**
 * A failure of SQLite's in our words: a full disk, one that fails and a damaged file are the machine's trouble, and can be
 * mended. All else passes.
 */
export function explainSqliteFailure(thrown: unknown, path = 'of the data folder'): unknown {
  const code = primaryCode(thrown);
  if (code === undefined) return thrown;
  const cause = thrown as Error;
  if (code === codes.full) {
    return new QfleetError('resource-exhausted', 'The disk with the database is full; nothing was stored.', {
      hint: 'Free some space; ./qfleet gc shows what nothing refers to any more.',
      cause,
    });
  }
  if (code === codes.corrupt || code === codes.notADatabase) {
    return damagedDatabase(path, `is damaged: ${cause.message}`, cause);
  }
  if (code === codes.ioError || code === codes.cannotOpen || code === codes.readOnly) {
    return new QfleetError(
      'configuration',
      `The database ${path} cannot be read or written: ${cause.message}.`,
      {
        hint: 'Check the disk and the owner and mode of the file; nothing was stored.',
        cause,
      },
    );
  }
  return new QfleetError('internal', `The database failed: ${cause.message}`, { cause });
}

function primaryCode(thrown: unknown): number | undefined {
  const code = (thrown as { errcode?: number }).errcode;
  return code === undefined ? undefined : code & 0xff;
}
