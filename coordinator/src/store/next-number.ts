import type { Scope } from './scope.ts';

/**
 * The next value of a named counter, from 1. Without gaps and in commit order, on either dialect: the row
 * stays locked until the transaction ends. (Identity columns leave gaps and may commit out of order.)
 */
export async function nextNumber(scope: Scope, name: 'events' | 'runs' | 'tasks'): Promise<number> {
  const row = await scope.db
    .insertInto('counters')
    .values({ name, value: 1 })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet((eb) => ({ value: eb('counters.value', '+', 1) })),
    )
    .returning('value')
    .executeTakeFirstOrThrow();
  return Number(row.value);
}
