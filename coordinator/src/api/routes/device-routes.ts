import * as z from 'zod';
import { findDevice } from '../../main/find-by-name.ts';
import type { DeviceRecord } from '../../store/records.ts';
import { doneSchema, nameParam } from '../name-param.ts';
import { requireAbsolute } from '../require-absolute.ts';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';
import { type DeviceView, deviceViewSchema, viewDevice } from '../views/device-view.ts';

const addDeviceSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, 'expected 1 to 64 letters, digits, dots, dashes or underscores'),
  /** Absolute path of a folder on the coordinator's machine; key, certificate and CA are written there. */
  outDir: z.string().min(1),
});

export function deviceRoutes(services: Services): Route[] {
  const { store } = services;
  const view = (device: DeviceRecord): DeviceView => viewDevice(device, services.presence(device.id));
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/devices',
      operationId: 'listDevices',
      summary: 'The fleet',
      tag: 'devices',
      response: z.object({ devices: z.array(deviceViewSchema) }),
      handle: async () => {
        return { devices: (await store.listDevices()).map(view) };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/devices',
      operationId: 'addDevice',
      summary: 'Makes a device: its key, certificate and CA are written to a folder',
      tag: 'devices',
      body: addDeviceSchema,
      status: 201,
      response: deviceViewSchema,
      handle: async ({ body }) => {
        requireAbsolute(body.outDir);
        return view(await services.addDevice(body));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/devices/{name}',
      operationId: 'getDevice',
      summary: 'One device with its inventory and backends',
      tag: 'devices',
      params: nameParam,
      response: deviceViewSchema,
      handle: async ({ params }) => view(await findDevice(store, params.name)),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/devices/{name}/revoke',
      operationId: 'revokeDevice',
      summary: 'Shuts a device out at once; its results stay',
      tag: 'devices',
      params: nameParam,
      response: deviceViewSchema,
      handle: async ({ params }) => {
        const device = await findDevice(store, params.name);
        await services.revokeDevice(device);
        return view(await findDevice(store, device.id));
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/devices/{name}/resolve',
      operationId: 'resolveDevice',
      summary: 'Says that only one host uses the identity of a device again',
      tag: 'devices',
      params: nameParam,
      response: deviceViewSchema,
      handle: async ({ params }) => {
        const device = await findDevice(store, params.name);
        await services.resolveDevice(device);
        return view(await findDevice(store, device.id));
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/devices/{name}',
      operationId: 'removeDevice',
      summary: 'Forgets a device',
      tag: 'devices',
      params: nameParam,
      response: doneSchema,
      handle: async ({ params }) => {
        const device = await findDevice(store, params.name);
        await services.revokeDevice(device);
        await store.removeDevice(device.id);
        return { done: true };
      },
    }),
  ];
}
