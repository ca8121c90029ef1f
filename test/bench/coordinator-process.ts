/**
 * A whole coordinator in a process of its own, so that its memory can be read apart from its agents'. Takes one
 * order, prepares devices, blob and jobs, says where it listens, and goes down when the channel closes.
 */
import { join } from 'node:path';
import { createLogger } from '@qfleet/shared/logger.ts';
import { startCoordinator } from '../../coordinator/src/main/start-coordinator.ts';
import { exampleRun, exampleSpec } from '../../coordinator/src/store/store-fixtures.ts';

export interface CoordinatorOrder {
  readonly folder: string;
  readonly deviceNames: readonly string[];
  readonly jobsPerDevice: number;
  /** A file that becomes a blob, which every job asks for. */
  readonly blobPath: string;
}

export interface CoordinatorReady {
  /** Of the agents' port. */
  readonly address: string;
  readonly devices: readonly { readonly id: string; readonly identityFolder: string }[];
  readonly blobDigest: string;
}

process.once('message', async (order: CoordinatorOrder) => {
  const coordinator = await startCoordinator({
    dataDir: join(order.folder, 'data'),
    api: { host: '127.0.0.1', port: 0 },
    fleet: { host: '127.0.0.1', port: 0 },
    publicHosts: [],
    allowedHosts: [],
    logger: createLogger({ name: 'coordinator', level: 'error' }),
  });
  process.once('disconnect', async () => {
    await coordinator[Symbol.asyncDispose]();
    process.exit(0);
  });
  const { services } = coordinator;
  const blobDigest = await services.blobs.putFile(order.blobPath);
  const devices: { id: string; identityFolder: string }[] = [];
  for (const name of order.deviceNames) {
    const identityFolder = join(order.folder, name);
    devices.push({ id: (await services.addDevice({ name, outDir: identityFolder })).id, identityFolder });
  }
  const ids = devices.map(({ id }) => id);
  await services.store.createRun(exampleRun('bench', ids, order.jobsPerDevice, exampleSpec(blobDigest)));
  const ready: CoordinatorReady = { address: coordinator.fleetAddress, devices, blobDigest };
  process.send?.(ready);
});
