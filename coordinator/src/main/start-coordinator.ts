import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { Services } from '../api/services.ts';
import { startApi } from '../api/start-api.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { EventBus } from '../fleet/event-bus.ts';
import type { FleetOptions } from '../fleet/fleet-options.ts';
import { startFleet } from '../fleet/start-fleet.ts';
import { openAuthority } from '../pki/open-authority.ts';
import { openCalibrationCache } from '../quantize/calibration/calibration-cache.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { createImportTask } from '../tasks/import-task.ts';
import { createQuantizeTask } from '../tasks/quantize-task.ts';
import { TaskWorker } from '../tasks/task-worker.ts';
import { createId } from './create-id.ts';
import { createServices } from './create-services.ts';
import { keepEventsShort } from './keep-events-short.ts';
import { createToken, removeOperatorFile, writeOperatorFile } from './operator-file.ts';
import { readVersion } from './read-version.ts';
import { usePart } from './use-part.ts';

interface Listen {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface CoordinatorOptions {
  /** Made where it is missing, mode 0700. */
  readonly dataDir: string;
  /** Where operators connect (HTTP); loopback. */
  readonly api: Listen;
  /** Where agents connect (gRPC over mTLS). */
  readonly fleet: Listen;
  /** Names and addresses that boards reach this machine by, beside its own; the first goes into new identities. */
  readonly publicHosts: readonly string[];
  /** Host headers that the API answers beside those of loopback. */
  readonly allowedHosts: readonly string[];
  readonly logger: Logger;
  /** What a report's thread may take, bytes; half of the machine's by default. */
  readonly reportMemoryBytes?: number | undefined;
  /** Leases, heartbeats and limits other than the usual; for tests, which need not wait. */
  readonly fleetOptions?: Partial<FleetOptions>;
}

export interface Coordinator extends AsyncDisposable {
  readonly version: string;
  readonly dataDir: string;
  /** Of the operators' API. */
  readonly url: string;
  readonly token: string;
  /** `host:port` for agents. */
  readonly fleetAddress: string;
  readonly services: Services;
  readonly events: EventBus;
  /** What the user should know of the data folder: what seems lost, or cannot be trusted. */
  readonly notices: readonly string[];
}

/**
 * Builds a coordinator from its parts, in the order in which they need each other; disposing takes them down in the
 * reverse order, so that nothing loses what it stands on. Throws `configuration` (exit 78) where another process owns
 * the data folder, a file in it is damaged or not what it should be, or a port is taken.
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { logger } = options;
  const dataDir = resolve(options.dataDir);
  const openPart = <T>(name: string, open: (path: string) => Promise<T>): Promise<T> =>
    usePart(join(dataDir, name), () => open(join(dataDir, name)));
  await using parts = new AsyncDisposableStack();
  const store = parts.use(await openPart('', () => openStore(dataDir)));
  const blobs = await openPart('blobs', (folder) => openFileBlobStore(folder));
  const isNewAuthority = !existsSync(join(dataDir, 'pki', 'ca.crt'));
  for (const name of ['calibration', 'summaries', 'pki']) {
    await openPart(name, makeFolder);
    await openPart(name, removeUnfinished);
  }
  await removeUnfinished(dataDir);
  const tempDir = await openPart('tmp', makeEmptyFolder);
  const authority = await openPart('pki', () =>
    openAuthority(dataDir, { extraNames: options.publicHosts, nowMs: Date.now() }),
  );
  const notices = [...store.notices];
  if (isNewAuthority) notices.push(...(await noteNewAuthority(store)));
  const cache = openCalibrationCache(join(dataDir, 'calibration'));
  const kinds = [
    createImportTask({ store, blobs, tempDir }),
    createQuantizeTask({ store, blobs, cache, tempDir }),
  ];
  parts.use(keepEventsShort(store, logger));
  const events = new EventBus(store);
  const tasks = parts.use(new TaskWorker({ store, events, kinds, logger, createId: () => createId('task') }));
  const version = readVersion();
  const fleet = parts.use(
    await startFleet({
      store,
      blobs,
      authority,
      events,
      listen: options.fleet,
      logger,
      options: { ...options.fleetOptions, coordinatorVersion: version },
    }),
  );
  const closing = new AbortController();
  const services = createServices({
    version,
    dataDir,
    store,
    blobs,
    tempDir,
    authority,
    events,
    tasks,
    fleet,
    publicHosts: options.publicHosts,
    closing: closing.signal,
    reportMemoryBytes: options.reportMemoryBytes,
    logger,
  });
  const token = createToken();
  const api = parts.use(
    await startApi({ services, token, listen: options.api, allowedHosts: options.allowedHosts, logger }),
  );
  parts.defer(() => closing.abort());
  await openPart('operator.json', () =>
    writeOperatorFile(dataDir, { url: api.url, token, pid: process.pid }),
  );
  parts.defer(() => removeOperatorFile(dataDir));
  await store.announce(api.url);
  tasks.start();
  for (const notice of notices) logger.warn(notice);
  logger.info({ dataDir, url: api.url, fleet: services.fleetAddress }, 'coordinator started');
  const running = parts.move();
  return {
    version,
    dataDir,
    url: api.url,
    token,
    fleetAddress: services.fleetAddress,
    services,
    events,
    notices,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** Nothing in it outlives its owner: what is there is of a coordinator that was killed. */
async function makeEmptyFolder(path: string): Promise<string> {
  await rm(path, { recursive: true, force: true });
  await makeFolder(path);
  return path;
}

/** Files that a coordinator was writing aside when it was killed; nobody else writes here. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/\.(tmp|new)$|\.json\.[0-9a-f-]{36}$/.test(name)) await rm(join(folder, name), { force: true });
  }
}

/** A new authority is nothing to speak of, unless devices trust the one that is gone. */
async function noteNewAuthority(store: Store): Promise<string[]> {
  const devices = (await store.listDevices()).filter(({ state }) => state === 'approved');
  if (devices.length === 0) return [];
  return [
    `The certificate authority was missing and a new one was made: ${devices.length} devices no longer trust this coordinator. Restore the folder pki from a backup, or add the devices again.`,
  ];
}
