/**
 * A whole coordinator in a process of its own with many devices, whose identities it writes to one file. It creates a
 * run over all of them when it is asked to, and goes down when the channel closes.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '@qfleet/shared/logger.ts';
import { createDeviceId } from '../../../coordinator/src/fleet/add-device.ts';
import { startCoordinator } from '../../../coordinator/src/main/start-coordinator.ts';
import { issueDeviceIdentity } from '../../../coordinator/src/pki/issue-device-identity.ts';
import { openAuthority } from '../../../coordinator/src/pki/open-authority.ts';
import { exampleRun } from '../../../coordinator/src/store/store-fixtures.ts';

export interface FleetOrder {
  readonly folder: string;
  readonly devices: number;
}

/** One device, as the generator connects as it. */
export interface FleetDevice {
  readonly id: string;
  readonly keyPem: string;
  readonly certificatePem: string;
}

/** The file `identities.json` of the order's folder. */
export interface FleetIdentities {
  readonly caPem: string;
  readonly devices: readonly FleetDevice[];
}

export interface FleetReady {
  /** Of the agents' port. */
  readonly address: string;
  /** Of the operators' API. */
  readonly url: string;
}

/** What became of the run, when it has ended. */
export interface FleetRun {
  readonly state: string;
  readonly completed: number;
  readonly onFirstAttempt: number;
}

process.once('message', async ({ folder, devices }: FleetOrder) => {
  const dataDir = join(folder, 'data');
  const coordinator = await startCoordinator({
    dataDir,
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
  const { store } = coordinator.services;
  const authority = await openAuthority(dataDir, { nowMs: Date.now() });
  const made: FleetDevice[] = [];
  for (let index = 0; index < devices; index++) {
    const id = createDeviceId();
    const nowMs = Date.now();
    const { keyPem, certificatePem, publicKey } = await issueDeviceIdentity({
      authority,
      deviceId: id,
      nowMs,
    });
    await store.addDevice({ id, name: `board-${index}`, publicKey });
    made.push({ id, keyPem, certificatePem });
  }
  const identities: FleetIdentities = { caPem: authority.certificatePem, devices: made };
  await writeFile(join(folder, 'identities.json'), JSON.stringify(identities), { mode: 0o600 });
  process.on('message', async () => {
    const ids = made.map(({ id }) => id);
    const ended = new Promise<void>((resolve) => {
      coordinator.events.subscribe(({ kind }) => kind === 'run.finished' && resolve());
    });
    await store.createRun(exampleRun('bench', ids, 1));
    await ended;
    const jobs = await store.listJobs('bench');
    const run: FleetRun = {
      state: (await store.findRun('bench'))?.state ?? '',
      completed: jobs.filter(({ state }) => state === 'completed').length,
      onFirstAttempt: jobs.filter(({ state, attempts }) => state === 'completed' && attempts === 1).length,
    };
    process.send?.({ run });
  });
  const ready: FleetReady = { address: coordinator.fleetAddress, url: coordinator.url };
  process.send?.({ ready });
});
