import { type RawBuilder, sql } from 'kysely';

/**
 * "Now" as an SQL expression, milliseconds since 1970: leases are judged by the database's clock, never by
 * the clock of a coordinator or an agent.
 */
export interface DatabaseClock {
  readonly nowMs: () => RawBuilder<number>;
}

/** Rounded, because a fraction such as .123 comes back from SQLite a hair too small. */
export const sqliteClock: DatabaseClock = {
  nowMs: () => sql<number>`cast(round(unixepoch('subsec') * 1000) as integer)`,
};
