import type { Kysely } from 'kysely';

/** A step of the schema's history. */
export interface Migration {
  readonly name: string;
  up(db: Kysely<unknown>, types: ColumnTypes): Promise<void>;
}

/** Column types that the dialects spell differently. */
export interface ColumnTypes {
  /** Bytes: `blob` in SQLite, `bytea` in PostgreSQL. */
  readonly bytes: 'blob' | 'bytea';
}
