import * as z from 'zod';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';

/** Coordinator's state: what `qfleet up` prints and `qfleet doctor` asks. */
export const infoSchema = z.object({
  version: z.string(),
  dataDir: z.string(),
  fleetAddress: z.string(),
  pid: z.number(),
  startedAtMs: z.number(),
  connectedDevices: z.number(),
});

const healthSchema = z.object({
  status: z.enum(['ok', 'failing']),
  version: z.string(),
  /** Why it is failing: the database, the disk, the agents' port. */
  reasons: z.array(z.string()),
});

export function healthRoutes(services: Services): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/health',
      operationId: 'getHealth',
      summary: 'Whether the coordinator can do its work; 503 with reasons where not; needs no token',
      tag: 'coordinator',
      isOpen: true,
      response: healthSchema,
      handle: async ({ reply }) => {
        const reasons = [...(await services.checkHealth())];
        if (reasons.length > 0) void reply.status(503);
        return { status: reasons.length > 0 ? 'failing' : 'ok', version: services.version, reasons };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/info',
      operationId: 'getInfo',
      summary: 'Version, data folder and fleet address of the coordinator',
      tag: 'coordinator',
      response: infoSchema,
      handle: async () => ({
        version: services.version,
        dataDir: services.dataDir,
        fleetAddress: services.fleetAddress,
        pid: process.pid,
        startedAtMs: services.startedAtMs,
        connectedDevices: services.connectedDeviceIds().size,
      }),
    }),
  ];
}
