import * as z from 'zod';
import { findTask } from '../../main/find-by-name.ts';
import { quantizeSchema } from '../../tasks/task-params.ts';
import { nameParam } from '../name-param.ts';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';
import { taskViewSchema, viewTask } from '../views/task-view.ts';

export function taskRoutes(services: Services): Route[] {
  const { store } = services;
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/quantize',
      operationId: 'quantize',
      summary: 'Starts making variants of a model; the task’s result is {variants, refused}',
      tag: 'variants',
      body: quantizeSchema,
      status: 202,
      response: taskViewSchema,
      handle: async ({ body }) => viewTask(await services.enqueueQuantize(body)),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/tasks',
      operationId: 'listTasks',
      summary: 'The coordinator’s own long work',
      tag: 'tasks',
      response: z.object({ tasks: z.array(taskViewSchema) }),
      handle: async () => ({ tasks: (await store.listTasks()).map(viewTask) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/tasks/{name}',
      operationId: 'getTask',
      summary: 'One task',
      tag: 'tasks',
      params: nameParam,
      response: taskViewSchema,
      handle: async ({ params }) => viewTask(await findTask(store, params.name)),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/tasks/{name}/cancel',
      operationId: 'cancelTask',
      summary: 'Stops a task',
      tag: 'tasks',
      params: nameParam,
      response: taskViewSchema,
      handle: async ({ params }) => {
        const task = await findTask(store, params.name);
        await services.cancelTask(task);
        return viewTask(await findTask(store, task.id));
      },
    }),
  ];
}
