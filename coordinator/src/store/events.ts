import { sql } from 'kysely';
import { nextNumber } from './next-number.ts';
import { parseJson } from './parse-json.ts';
import type { EventRecord } from './records.ts';
import type { EventRow } from './schema.ts';
import type { Scope } from './scope.ts';

/** Writes down what happened, in that order, under the next numbers. */
export async function appendEvents(
  scope: Scope,
  events: readonly { subject: string; kind: string; data: unknown }[],
): Promise<EventRecord[]> {
  if (events.length === 0) return [];
  const lastSeq = await nextNumber(scope, 'events', events.length);
  const firstSeq = lastSeq - events.length + 1;
  const rows = await scope.db
    .insertInto('events')
    .values(
      events.map((event, index) => ({
        seq: firstSeq + index,
        at_ms: scope.nowMs(),
        subject: event.subject,
        kind: event.kind,
        data_json: event.data === undefined ? 'null' : JSON.stringify(event.data),
      })),
    )
    .returningAll()
    .execute();
  return rows.map(toEvent).sort((a, b) => a.seq - b.seq);
}

/** Events after a number, oldest first. */
export async function listEvents(
  scope: Scope,
  query: { afterSeq: number; subject?: string; limit: number },
): Promise<EventRecord[]> {
  let select = scope.db
    .selectFrom('events')
    .selectAll()
    .where('seq', '>', query.afterSeq)
    .orderBy('seq')
    .limit(query.limit);
  if (query.subject !== undefined) select = select.where('subject', '=', query.subject);
  return (await select.execute()).map(toEvent);
}

/**
 * Removes the oldest events, at most `atMost` at once: those older than `maxAgeMs`, and all but the newest `keep`. Returns
 * how many went.
 */
export async function pruneEvents(
  scope: Scope,
  limits: { readonly keep: number; readonly maxAgeMs: number; readonly atMost: number },
): Promise<number> {
  const newest = await scope.db.selectFrom('events').select('seq').orderBy('seq', 'desc').executeTakeFirst();
  if (!newest) return 0;
  const oldest = scope.db
    .selectFrom('events')
    .select('seq')
    .where((eb) =>
      eb.or([
        eb('seq', '<=', Number(newest.seq) - limits.keep),
        eb('at_ms', '<', sql<number>`${scope.nowMs()} - ${sql.lit(limits.maxAgeMs)}`),
      ]),
    )
    .orderBy('seq')
    .limit(limits.atMost);
  const { numDeletedRows } = await scope.db
    .deleteFrom('events')
    .where('seq', 'in', oldest)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

function toEvent(row: EventRow): EventRecord {
  return {
    seq: Number(row.seq),
    atMs: Number(row.at_ms),
    subject: row.subject,
    kind: row.kind,
    data: parseJson(row.data_json),
  };
}
