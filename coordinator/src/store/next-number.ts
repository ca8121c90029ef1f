import type { Scope } from './scope.ts';

/**
 * The next value of a named counter, from 1; with `count` the last of the next so many. Without gaps and in commit order, on either dialect: the row
 * stays locked until the transaction ends. (Identity columns leave gaps and may commit out of order.)
 */
export async function nextNumber(
  scope: Scope,
  name: 'events' | 'runs' | 'tasks',
  count = 1,
): Promise<number> {
  const row = await scope.db
    .insertInto('counters')
    .values({ name, value: count })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet((eb) => ({ value: eb('counters.value', '+', count) })),
    )
    .returning('value')
    .executeTakeFirstOrThrow();
  return Number(row.value);
}
