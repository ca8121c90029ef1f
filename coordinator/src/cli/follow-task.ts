import { isErrorCode, QfleetError } from '@qfleet/shared/errors.ts';
import { type TaskView, taskViewSchema } from '../api/views/task-view.ts';
import type { ApiClient } from './api-client.ts';
import type { CliContext } from './cli-context.ts';
import { createPatience } from './create-patience.ts';
import { createProgress } from './output/progress.ts';

/**
 * Waits until a task is final, with its progress on standard error. Returns the completed task; a failed one throws
 * the error it failed with, a cancelled one `cancelled`. Leaving (Ctrl-C) leaves the task to the coordinator.
 */
export async function followTask(context: CliContext, client: ApiClient, id: string): Promise<TaskView> {
  const progress = createProgress(context);
  const patience = createPatience(context, progress);
  try {
    for await (const _ of client.events(`task:${id}`, patience)) {
      const task = await client.getPatiently(`/v1/tasks/${id}`, taskViewSchema, patience);
      if (task.progress) progress.update(task.progress.step, task.progress.fraction);
      if (isFinal(task)) return requireCompleted(task);
    }
  } finally {
    progress.end();
  }
  throw new QfleetError('cancelled', `Left; the task ${id} goes on.`, {
    hint: `Come back to it: ./qfleet task watch ${id}, or stop it: ./qfleet task cancel ${id}`,
  });
}

function isFinal({ state }: TaskView): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

function requireCompleted(task: TaskView): TaskView {
  if (task.state === 'completed') return task;
  if (task.state === 'cancelled') throw new QfleetError('cancelled', `The task ${task.id} was cancelled.`);
  const { code, message, hint } = task.error ?? {
    code: 'internal',
    message: 'The task failed without a reason.',
  };
  throw new QfleetError(isErrorCode(code) ? code : 'internal', message, hint === undefined ? {} : { hint });
}
