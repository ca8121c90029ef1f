import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { checkDatabase } from '../../store/check-database.ts';
import { checkDatabaseFile } from '../../store/check-database-file.ts';
import { checkSchema } from '../../store/check-schema.ts';
import { restoreHint } from '../../store/damaged-database.ts';
import { checkLineage, refuseLostDatabase } from '../../store/database-generation.ts';
import { databaseName } from '../../store/database-name.ts';
import { explainSqliteFailure } from '../../store/explain-sqlite-failure.ts';
import { tryLock } from '../../store/try-lock.ts';
import type { Check, Finding } from './check.ts';

const what = 'database';

/** Reads the whole database for damage, also while a coordinator uses it. */
export const checkDatabaseOfFolder: Check = async ({ dataDir }) => {
  const path = join(dataDir, databaseName);
  try {
    if (!checkDatabaseFile(path)) {
      refuseLostDatabase(dataDir);
      return { what, state: 'ok', detail: 'made at the first `./qfleet up`' };
    }
    return await readAll(path, dataDir);
  } catch (thrown) {
    const { message, hint } = QfleetError.from(explainSqliteFailure(thrown, path));
    return { what, state: 'failed', detail: message, fix: hint ?? restoreHint };
  }
};

async function readAll(path: string, dataDir: string): Promise<Finding> {
  const notices = (await isOwned(dataDir)) ? [] : checkLineage(dataDir);
  using database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  const { problems, changedResults } = checkDatabase(database, { isBounded: false });
  if (problems.length > 0) {
    return { what, state: 'failed', detail: `${path} is damaged: ${problems.join('; ')}`, fix: restoreHint };
  }
  checkSchema(database, path);
  if (changedResults > 0)
    notices.push(`${changedResults} stored results are damaged; reports leave them out.`);
  if (notices.length === 0) return { what, state: 'ok', detail: `${path} is whole` };
  return { what, state: 'warning', detail: notices.join(' '), fix: restoreHint };
}

/** The log of a database in use is not to be judged: it is being written. */
async function isOwned(dataDir: string): Promise<boolean> {
  using lock = await tryLock(dataDir);
  return lock === undefined;
}
