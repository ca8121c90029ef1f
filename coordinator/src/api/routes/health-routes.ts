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

export function healthRoutes(services: Services): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/health',
      operationId: 'getHealth',
      summary: 'Whether the coordinator answers; needs no token',
      tag: 'coordinator',
      isOpen: true,
      response: z.object({ status: z.literal('ok'), version: z.string() }),
      handle: async () => ({ status: 'ok', version: services.version }),
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
