import * as z from 'zod';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';

const count = z.number().int().nonnegative();

/** What a sweep of the blobs found, and removed where it was told to. */
export const garbageSchema = z.object({
  /** Nothing refers to them, and they are old enough to go; largest first. */
  unused: z.array(z.object({ digest: z.string(), sizeBytes: count })),
  unusedBytes: count,
  /** Unreferenced, but too young to go. */
  sparedCount: count,
  sparedBytes: count,
  /** Made by runs and calibrations for themselves, and needed by none; their bytes are among those of the blobs. */
  derivedDatasets: z.array(z.object({ name: z.string(), digest: z.string() })),
  /** Kept statistics and summaries of what is gone, and what interrupted writes left; paths within the data folder. */
  files: z.array(z.object({ path: z.string(), sizeBytes: count })),
  /** Of blobs and files together; 0 in a dry run. */
  freedBytes: count,
  keptCount: count,
  removedCount: count,
  removedBytes: count,
});

export function gcRoutes(services: Services): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/gc',
      operationId: 'collectGarbage',
      summary: 'Finds what nothing needs any more; removes it only where told to',
      tag: 'coordinator',
      body: z.strictObject({ delete: z.boolean().default(false) }),
      response: garbageSchema,
      handle: async ({ body }) => {
        const { unused, derivedDatasets, files, ...counts } = await services.collectGarbage({
          dryRun: !body.delete,
        });
        return { ...counts, unused: [...unused], derivedDatasets: [...derivedDatasets], files: [...files] };
      },
    }),
  ];
}
