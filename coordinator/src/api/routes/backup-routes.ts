import * as z from 'zod';
import { requireAbsolute } from '../require-absolute.ts';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';

const count = z.number().int().nonnegative();

/** What a backup holds, as its `backup.json` says. */
export const backupSchema = z.object({
  schema: z.literal('qfleet.backup/1'),
  version: z.string(),
  createdAtMs: z.number(),
  databaseBytes: count,
  blobs: count,
  blobBytes: count,
  withBlobs: z.boolean(),
  missingBlobs: count,
});

export function backupRoutes(services: Services): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/backups',
      operationId: 'createBackup',
      summary: 'Copies database, keys and the list of blobs, or the blobs too, into a new folder',
      tag: 'coordinator',
      body: z.strictObject({
        /** Absolute path of a folder on the coordinator's machine, which is made. */
        path: z.string().min(1),
        withBlobs: z.boolean().default(false),
      }),
      status: 201,
      response: backupSchema,
      handle: ({ body }) =>
        services.createBackup({ outDir: requireAbsolute(body.path), withBlobs: body.withBlobs }),
    }),
  ];
}
