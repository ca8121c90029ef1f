import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
import type { Database, Schema } from './schema.ts';

const busyTimeoutMs = 5000;
const cachedStatements = 256;

/**
 * Opens a SQLite file. WAL with `synchronous=FULL`: a commit is on the disk before it returns. The busy timeout is set
 * before the journal mode; the other order fails with SQLITE_BUSY where two processes open at once.
 */
export function openSqlite(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: true });
  try {
    database.exec(`pragma busy_timeout = ${busyTimeoutMs}`);
    database.exec('pragma journal_mode = wal');
    database.exec('pragma synchronous = full');
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** An open SQLite database for Kysely; it closes with it. */
export function adaptSqlite(database: DatabaseSync): Database {
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: adapt(database) }) });
}

function adapt(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare: (sql) => {
      if (sql === 'rollback') return rollbackOf(database);
      const known = statements.get(sql);
      if (known) return known;
      const statement = adaptStatement(database.prepare(sql));
      if (statements.size >= cachedStatements) statements.clear();
      statements.set(sql, statement);
      return statement;
    },
  };
}

/** SQLite ends a transaction by itself where the disk is full; to roll back once more would hide that reason. */
function rollbackOf(database: DatabaseSync): SqliteStatement {
  const run = () => {
    if (database.isTransaction) database.exec('rollback');
    return { changes: 0, lastInsertRowid: 0 };
  };
  return { reader: false, run, all: () => [], iterate: () => [][Symbol.iterator]() };
}

function adaptStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}
