import { QfleetError } from '@qfleet/shared/errors.ts';
import { nextNumber } from './next-number.ts';
import { parseJson } from './parse-json.ts';
import type { TaskRecord } from './records.ts';
import type { TaskRow } from './schema.ts';
import type { Scope } from './scope.ts';

/** Stores a task, queued. */
export async function addTask(
  scope: Scope,
  task: { id: string; kind: string; params: unknown },
): Promise<TaskRecord> {
  const row = await scope.db
    .insertInto('tasks')
    .values({
      id: task.id,
      number: await nextNumber(scope, 'tasks'),
      kind: task.kind,
      params_json: toJson(task.params),
      state: 'queued',
      created_at_ms: scope.nowMs(),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toTask(row);
}

/** Changes what is given and leaves the rest; throws `not-found`. */
export async function updateTask(
  scope: Scope,
  id: string,
  change: Partial<Pick<TaskRecord, 'state' | 'progress' | 'result' | 'error'>>,
): Promise<void> {
  const row = await scope.db
    .updateTable('tasks')
    .set((eb) => ({
      // So that there is a column to set where the change is empty.
      id: eb.ref('id'),
      ...(change.state === undefined ? {} : { state: change.state }),
      ...('progress' in change
        ? {
            progress_step: change.progress?.step ?? null,
            progress_fraction: change.progress?.fraction ?? null,
          }
        : {}),
      ...('result' in change ? { result_json: toJson(change.result) } : {}),
      ...('error' in change ? { error_json: change.error ? JSON.stringify(change.error) : null } : {}),
    }))
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  if (!row) throw new QfleetError('not-found', `There is no task ${id}.`);
}

export async function findTask(scope: Scope, id: string): Promise<TaskRecord | undefined> {
  const row = await scope.db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
  return row && toTask(row);
}

/** In the order they were added. */
export async function listTasks(scope: Scope, state?: TaskRecord['state']): Promise<TaskRecord[]> {
  let query = scope.db.selectFrom('tasks').selectAll().orderBy('number');
  if (state) query = query.where('state', '=', state);
  return (await query.execute()).map(toTask);
}

/** Puts back what a coordinator that is no more was at; only its sole owner may call this. */
export async function requeueRunningTasks(scope: Scope): Promise<void> {
  await scope.db.updateTable('tasks').set({ state: 'queued' }).where('state', '=', 'running').execute();
}

function toJson(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value);
}

function toTask(row: TaskRow): TaskRecord {
  return {
    id: row.id,
    kind: row.kind,
    params: parseJson(row.params_json),
    state: row.state as TaskRecord['state'],
    progress:
      row.progress_step === null
        ? undefined
        : { step: row.progress_step, fraction: Number(row.progress_fraction) },
    result: parseJson(row.result_json),
    error: parseJson<NonNullable<TaskRecord['error']>>(row.error_json),
    createdAtMs: Number(row.created_at_ms),
  };
}
