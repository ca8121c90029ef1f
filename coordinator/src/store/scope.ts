import type { RawBuilder, Transaction } from 'kysely';
import type { Schema } from './schema.ts';

/**
 * What a store function works in: one transaction and the database's clock. The outer database handle is
 * kept away on purpose: used inside a transaction it would wait for itself, SQLite having one connection.
 */
export interface Scope {
  readonly db: Transaction<Schema>;
  readonly nowMs: () => RawBuilder<number>;
  readonly steadyMs: () => RawBuilder<number>;
  /** To be awaited between the steps of a long piece of work, so that the event loop is not held up. */
  readonly takeTurn: () => Promise<void>;
}
