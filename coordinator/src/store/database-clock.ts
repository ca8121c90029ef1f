import { type RawBuilder, sql } from 'kysely';
import { SteadyClock } from './steady-clock.ts';

/** Two "now" as SQL expressions, milliseconds. */
export interface DatabaseClock {
  /** Since 1970, by the database's wall clock: when something happened. */
  readonly nowMs: () => RawBuilder<number>;
  /**
   * By a clock that no step of the wall clock moves: how long a lease, a pause or a stop still lasts. Comparable
   * within the life of the process that owns the database; see `Store.renewLeases`.
   */
  readonly steadyMs: () => RawBuilder<number>;
}

/** The clock of a SQLite database and of the process that owns it. */
export function createSqliteClock(steady = new SteadyClock()): DatabaseClock {
  return {
    // Rounded, because a fraction such as .123 comes back from SQLite a hair too small.
    nowMs: () => sql<number>`cast(round(unixepoch('subsec') * 1000) as integer)`,
    // Bound as text and cast, because a number is bound as a float where it has more than 32 bits.
    steadyMs: () => sql<number>`cast(${String(Math.round(steady.nowMs()))} as integer)`,
  };
}
