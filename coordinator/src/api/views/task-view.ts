import * as z from 'zod';
import type { TaskRecord } from '../../store/records.ts';

/** A long piece of work of the coordinator's own. */
export const taskViewSchema = z.object({
  id: z.string(),
  kind: z.string(),
  state: z.enum(['queued', 'running', 'completed', 'failed', 'cancelled']),
  progress: z.object({ step: z.string(), fraction: z.number() }).optional(),
  params: z.unknown(),
  /** What it made, by kind; only where it is completed. */
  result: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
  createdAtMs: z.number(),
});
export type TaskView = z.infer<typeof taskViewSchema>;

/** The view of a stored task. */
export function viewTask(task: TaskRecord): TaskView {
  const { id, kind, state, progress, params, result, error, createdAtMs } = task;
  return {
    id,
    kind,
    state,
    ...(progress === undefined ? {} : { progress }),
    params,
    ...(result === undefined || result === null ? {} : { result }),
    ...(error === undefined ? {} : { error: viewError(error) }),
    createdAtMs,
  };
}

function viewError({
  code,
  message,
  hint,
}: NonNullable<TaskRecord['error']>): NonNullable<TaskView['error']> {
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}
