import type { DatabaseSync } from 'node:sqlite';
import { digestBytes } from '@qfleet/shared/digest.ts';

/** What was found in a database that can be opened. */
export interface DatabaseFindings {
  /** Why it cannot be trusted; empty where nothing was found. */
  readonly problems: readonly string[];
  /** Results whose bytes are no longer those of their digest: reports leave them out. */
  readonly changedResults: number;
  /** Only the small tables were read. */
  readonly isPartial: boolean;
}

/** So much is read at every start, bytes: a second or two. Above it only the small tables are, and `qfleet doctor` reads all. */
const wholeUntilBytes = 512 * 2 ** 20;
/** Tables that grow with what is measured. */
const largeTables = ['results', 'result_blobs', 'jobs', 'events'];
const maxProblems = 5;

/**
 * Reads a database for damage: the structure of its pages (`pragma quick_check`), its JSON, and the digests of results.
 * Bounded to the small tables in a large database unless asked for all of it.
 */
export function checkDatabase(
  database: DatabaseSync,
  options: { readonly isBounded: boolean },
): DatabaseFindings {
  try {
    const isPartial = options.isBounded && sizeBytes(database) > wholeUntilBytes;
    const tables = listTables(database).filter((name) => !isPartial || !largeTables.includes(name));
    const problems = isPartial
      ? tables.flatMap((table) => quickCheck(database, `('${table}')`))
      : quickCheck(database, `(${maxProblems})`);
    if (problems.length > 0) return { problems, changedResults: 0, isPartial };
    return {
      problems: tables.flatMap((table) => findBrokenJson(database, table)),
      changedResults: tables.includes('results') ? countChangedResults(database) : 0,
      isPartial,
    };
  } catch (thrown) {
    // Pages that are damaged badly enough end the check itself.
    return { problems: [(thrown as Error).message], changedResults: 0, isPartial: false };
  }
}

function sizeBytes(database: DatabaseSync): number {
  const row = database
    .prepare('select page_count * page_size as bytes from pragma_page_count, pragma_page_size')
    .get();
  return Number(row?.['bytes']);
}

function listTables(database: DatabaseSync): string[] {
  const rows = database.prepare("select name from sqlite_schema where type = 'table' order by name").all();
  return rows.map(({ name }) => String(name)).filter((name) => !name.startsWith('sqlite_'));
}

function quickCheck(database: DatabaseSync, argument: string): string[] {
  const rows = database.prepare(`pragma quick_check${argument}`).all();
  const found = rows.map((row) => String(row['quick_check']));
  return found.length === 1 && found[0] === 'ok' ? [] : found;
}

/** By the schema's convention JSON is in columns that end in `_json`. */
function findBrokenJson(database: DatabaseSync, table: string): string[] {
  const columns = database
    .prepare('select name from pragma_table_info(?)')
    .all(table)
    .map(({ name }) => String(name));
  return columns
    .filter((name) => name.endsWith('_json'))
    .flatMap((name) => {
      const row = database.prepare(`select count(*) as n from ${table} where json_valid(${name}) = 0`).get();
      return Number(row?.['n']) > 0 ? [`${row?.['n']} rows of ${table} have broken JSON in ${name}`] : [];
    });
}

function countChangedResults(database: DatabaseSync): number {
  let changed = 0;
  for (const { digest, bytes } of database.prepare('select digest, bytes from results').iterate()) {
    if (!(bytes instanceof Uint8Array) || digestBytes(bytes) !== digest) changed++;
  }
  return changed;
}
