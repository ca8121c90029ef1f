import type { Command } from 'commander';
import * as z from 'zod';
import { type TaskView, taskViewSchema } from '../../api/views/task-view.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { followTask } from '../follow-task.ts';
import { formatTime } from '../output/format-value.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { withAnswer, withExample, withOutput } from '../with-options.ts';

interface TaskOptions extends GlobalOptions {
  readonly output: string;
}

/** `qfleet task …`: the coordinator's own long work. */
export function addTaskCommands(program: Command, context: CliContext): void {
  const task = program
    .command('task')
    .description('the coordinator’s own work, such as quantizing: list, watch, cancel');
  withExample(task, './qfleet task ls');
  const list = withOutput(task.command('ls').description('list tasks')).action(async () => {
    const options = list.optsWithGlobals<TaskOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const { tasks } = await client.get('/v1/tasks', z.object({ tasks: z.array(taskViewSchema) }));
    printRows(context, format, columns, tasks);
  });
  withExample(list, './qfleet task ls');
  const watch = withAnswer(task.command('watch <id>'))
    .description('follow a task until it is done')
    .action(async (id: string) => {
      const options = watch.optsWithGlobals<TaskOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const { id: full } = await client.get(`/v1/tasks/${encodeURIComponent(id)}`, taskViewSchema);
      const ended = await followTask(context, client, full);
      say(context, `${full} is ${ended.state}.`);
      printAnswer(context, options, ended);
    });
  withExample(watch, './qfleet task watch task-4x7k2m9qpt');
  const cancel = withAnswer(task.command('cancel <id>'))
    .description('stop a task')
    .action(async (id: string) => {
      const options = cancel.optsWithGlobals<TaskOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const path = `/v1/tasks/${encodeURIComponent(id)}/cancel`;
      const cancelled = await client.post(path, taskViewSchema);
      say(context, `${id} is stopping.`);
      printAnswer(context, options, cancelled);
    });
  withExample(cancel, './qfleet task cancel task-4x7k2m9qpt');
}

const columns: Column<TaskView>[] = [
  { title: 'id', cell: ({ id }) => id },
  { title: 'kind', cell: ({ kind }) => kind },
  { title: 'state', cell: ({ state }) => state },
  {
    title: 'progress',
    cell: ({ progress }) => (progress ? `${Math.floor(progress.fraction * 100)} % ${progress.step}` : ''),
  },
  { title: 'error', cell: ({ error }) => error?.message ?? '' },
  {
    title: 'created',
    cell: ({ createdAtMs }) => formatTime(createdAtMs),
    raw: ({ createdAtMs }) => createdAtMs,
  },
];
