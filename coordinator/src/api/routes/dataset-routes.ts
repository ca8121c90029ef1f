import * as z from 'zod';
import { datasetSchema } from '../../artefacts/artefacts.ts';
import { findDataset } from '../../main/find-by-name.ts';
import { addDatasetSchema } from '../../tasks/task-params.ts';
import { forceQuery, nameParam, removedSchema } from '../name-param.ts';
import { requireAbsolute } from '../require-absolute.ts';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';
import { taskViewSchema, viewTask } from '../views/task-view.ts';

export function datasetRoutes(services: Services): Route[] {
  const { store } = services;
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/datasets',
      operationId: 'listDatasets',
      summary: 'Datasets',
      tag: 'datasets',
      response: z.object({ datasets: z.array(datasetSchema) }),
      handle: async () => ({ datasets: await store.listDatasets() }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/datasets',
      operationId: 'addDataset',
      summary: 'Starts the import of a dataset; the task’s result is {digest, name}',
      tag: 'datasets',
      body: addDatasetSchema,
      status: 202,
      response: taskViewSchema,
      handle: async ({ body }) => {
        requireAbsolute(body.path);
        if (body.labelsCsv !== undefined) requireAbsolute(body.labelsCsv);
        return viewTask(await services.enqueueImport(body));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/datasets/{name}',
      operationId: 'getDataset',
      summary: 'One dataset with its splits',
      tag: 'datasets',
      params: nameParam,
      response: datasetSchema,
      handle: ({ params }) => findDataset(store, params.name),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/datasets/{name}',
      operationId: 'removeDataset',
      summary: 'Removes a dataset; with force also the runs that were judged by it',
      tag: 'datasets',
      params: nameParam,
      query: forceQuery,
      response: removedSchema,
      handle: async ({ params, query }) => {
        const { digest, name } = await findDataset(store, params.name);
        return services.removeArtefact({ kind: 'dataset', digest, name }, query.force === 'true');
      },
    }),
  ];
}
