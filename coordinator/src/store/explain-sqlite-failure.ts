import { QfleetError } from '@qfleet/shared/errors.ts';

/** SQLite's primary result codes (sqlite3.h); the upper bytes of an extended code say more. */
const sqliteFull = 13;
const sqliteBusy = 5;

/** A failure of SQLite's in our words: a full disk is the machine's trouble, and can be mended. All else passes. */
export function explainSqliteFailure(thrown: unknown): unknown {
  const code = primaryCode(thrown);
  if (code === undefined) return thrown;
  const cause = thrown as Error;
  if (code === sqliteFull) {
    return new QfleetError('resource-exhausted', 'The disk with the database is full; nothing was stored.', {
      hint: 'Free some space; qfleet gc shows what nothing refers to any more.',
      cause,
    });
  }
  return new QfleetError('internal', `The database failed: ${cause.message}`, { cause });
}

/** Whether somebody else holds the lock that was asked for. */
export function isSqliteBusy(thrown: unknown): boolean {
  return primaryCode(thrown) === sqliteBusy;
}

function primaryCode(thrown: unknown): number | undefined {
  const code = (thrown as { errcode?: number }).errcode;
  return code === undefined ? undefined : code & 0xff;
}
