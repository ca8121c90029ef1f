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
      summary: 'Finds blobs that nothing refers to; removes them only where told to',
      tag: 'coordinator',
      body: z.strictObject({ delete: z.boolean().default(false) }),
      response: garbageSchema,
      handle: ({ body }) => services.collectGarbage({ dryRun: !body.delete }),
    }),
  ];
}
