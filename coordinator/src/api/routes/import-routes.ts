import { QfleetError } from '@qfleet/shared/errors.ts';
import { printableName } from '@qfleet/shared/terminal/printable-name.ts';
import * as z from 'zod';
import { importRecordSchema } from '../../imports/import-record.ts';
import { type ImportKind, importKinds } from '../../imports/import-set.ts';
import { forceQuery, nameParam, removedSchema } from '../name-param.ts';
import { requireAbsolute } from '../require-absolute.ts';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';

const addImportSchema = z.strictObject({
  kind: z.enum(importKinds as [ImportKind, ...ImportKind[]]),
  /** Absolute path of a file or folder on the coordinator's machine. */
  path: z.string().min(1),
  name: printableName.min(1),
  /** Absolute paths of sbc-bench's logs by the board whose bandwidth they tell. */
  bandwidths: z.record(z.string(), z.array(z.string().min(1)).min(1)).default({}),
});

export function importRoutes(services: Services): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/imports',
      operationId: 'listImports',
      summary: 'Measurements that others published',
      tag: 'imports',
      response: z.object({ imports: z.array(importRecordSchema) }),
      handle: async () => ({ imports: await services.store.listImports() }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/imports',
      operationId: 'addImport',
      summary: 'Reads and stores measurements that others published',
      tag: 'imports',
      body: addImportSchema,
      status: 201,
      response: importRecordSchema,
      handle: async ({ body }) => {
        for (const log of Object.values(body.bandwidths).flat()) requireAbsolute(log);
        return services.addImport({ ...body, path: requireAbsolute(body.path) });
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/imports/{name}',
      operationId: 'removeImport',
      summary: 'Removes an import',
      tag: 'imports',
      params: nameParam,
      query: forceQuery,
      response: removedSchema,
      handle: async ({ params }) => {
        const found = await services.store.findImport(params.name);
        if (!found) {
          const hint = 'See: ./qfleet import ls';
          throw new QfleetError('not-found', `There is no import "${params.name}".`, { hint });
        }
        return services.removeArtefact({ kind: 'import', digest: found.digest, name: found.name }, false);
      },
    }),
  ];
}
