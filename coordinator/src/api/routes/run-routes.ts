import * as z from 'zod';
import { runComparisonsSchema } from '../../analysis/compare-runs.ts';
import { findRun } from '../../main/find-by-name.ts';
import { planSchema } from '../../plan/plan.ts';
import type { RunRecord } from '../../store/records.ts';
import { forceQuery, nameParam, removedSchema } from '../name-param.ts';
import { defineRoute, type Route } from '../route.ts';
import type { ReportFormat, Services } from '../services.ts';
import { runDetailSchema, runViewSchema, viewJob, viewRun } from '../views/run-view.ts';

const mediaTypes: Record<ReportFormat, string> = {
  json: 'application/json; charset=utf-8',
  table: 'text/plain; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  html: 'text/html; charset=utf-8',
};

const reportQuery = z.object({ format: z.enum(['json', 'table', 'md', 'csv', 'html']).default('json') });

export function runRoutes(services: Services): Route[] {
  const { store } = services;
  const detail = async (run: RunRecord): Promise<unknown> => {
    const jobs = await store.listJobs(run.id);
    return { ...viewRun(run), plan: run.plan, jobs: jobs.map(viewJob) };
  };
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/runs',
      operationId: 'listRuns',
      summary: 'Runs, newest first',
      tag: 'runs',
      response: z.object({ runs: z.array(runViewSchema) }),
      handle: async () => {
        const runs = await store.listRuns();
        return { runs: runs.sort((a, b) => b.createdAtMs - a.createdAtMs).map(viewRun) };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/runs',
      operationId: 'createRun',
      summary: 'Turns a plan into jobs and starts them',
      tag: 'runs',
      body: planSchema,
      status: 201,
      response: runDetailSchema,
      handle: async ({ body }) => detail(await services.createRun(body)),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/runs/{name}',
      operationId: 'getRun',
      summary: 'One run with its jobs; `latest` is the newest',
      tag: 'runs',
      params: nameParam,
      response: runDetailSchema,
      handle: async ({ params }) => detail(await findRun(store, params.name)),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/runs/{name}/cancel',
      operationId: 'cancelRun',
      summary: 'Stops a run; what was committed stays',
      tag: 'runs',
      params: nameParam,
      response: runDetailSchema,
      handle: async ({ params }) => {
        const run = await findRun(store, params.name);
        await services.cancelRun(run, 'cancelled by the operator');
        return detail(await findRun(store, run.id));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/runs/{name}/compare',
      operationId: 'compareRuns',
      summary: 'A run against an earlier one, cell by cell',
      tag: 'runs',
      params: nameParam,
      query: z.object({ base: z.string().min(1) }),
      response: runComparisonsSchema,
      handle: async ({ params, query }) => {
        const [run, base] = [await findRun(store, params.name), await findRun(store, query.base)];
        return services.compareRuns(run, base);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/runs/{name}/bundle',
      operationId: 'getBundle',
      summary: 'Everything that the report was computed from, signed by the devices, as a zip archive',
      tag: 'runs',
      params: nameParam,
      response: { contentTypes: ['application/zip'] },
      handle: async ({ params, reply }) => {
        const bytes = await services.buildBundle(await findRun(store, params.name));
        void reply.header('content-type', 'application/zip');
        return Buffer.from(bytes);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/runs/{name}/report',
      operationId: 'getReport',
      summary: 'The report of a run, computed from what is stored',
      tag: 'runs',
      params: nameParam,
      query: reportQuery,
      response: { contentTypes: Object.values(mediaTypes) },
      handle: async ({ params, query, reply }) => {
        const imported = await store.findImport(params.name);
        const text = imported
          ? await services.buildImportReport(imported, query.format)
          : await services.buildReport(await findRun(store, params.name), query.format);
        void reply.header('content-type', mediaTypes[query.format]);
        return text;
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/runs/{name}',
      operationId: 'removeRun',
      summary: 'Removes a run with its results',
      tag: 'runs',
      params: nameParam,
      query: forceQuery,
      response: removedSchema,
      handle: async ({ params, query }) => {
        const { id, name } = await findRun(store, params.name);
        return services.removeArtefact({ kind: 'run', id, name }, query.force === 'true');
      },
    }),
  ];
}
