import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { Services } from '../api/services.ts';
import { addModel } from '../artefacts/add-model.ts';
import { addVariant } from '../artefacts/add-variant.ts';
import type { Model } from '../artefacts/artefacts.ts';
import { createBackup } from '../backup/create-backup.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { packBundle, type SignedResult } from '../bundle/pack-bundle.ts';
import { loadEvidence } from '../evidence/load-evidence.ts';
import { loadRun } from '../evidence/load-run.ts';
import { addDevice } from '../fleet/add-device.ts';
import type { EventBus } from '../fleet/event-bus.ts';
import type { Fleet } from '../fleet/start-fleet.ts';
import { addImport, readImport } from '../imports/add-import.ts';
import type { Authority } from '../pki/authority.ts';
import type { OwnedStore } from '../store/open-store.ts';
import type { RunRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { TaskWorker } from '../tasks/task-worker.ts';
import { ArtefactGate } from './artefact-gate.ts';
import { cancelRun } from './cancel-run.ts';
import { checkHealth } from './check-health.ts';
import { collectUnusedBlobs } from './collect-unused-blobs.ts';
import { createRun } from './create-run.ts';
import { removeArtefact } from './remove-artefact.ts';
import { type EvidenceFolders, renderComparison, renderReport } from './render-report.ts';

export interface ServiceParts {
  readonly version: string;
  readonly dataDir: string;
  readonly store: OwnedStore;
  readonly blobs: BlobStore;
  readonly tempDir: string;
  readonly authority: Authority;
  readonly events: EventBus;
  readonly tasks: TaskWorker;
  readonly fleet: Fleet;
  readonly publicHosts: readonly string[];
  readonly closing: AbortSignal;
  readonly reportMemoryBytes: number | undefined;
  readonly logger: Logger;
}

/** What operators may ask for, out of the coordinator's parts. */
export function createServices(parts: ServiceParts): Services {
  const {
    version,
    dataDir,
    store,
    blobs,
    tempDir,
    authority,
    events,
    tasks,
    fleet,
    closing,
    reportMemoryBytes,
  } = parts;
  const fleetAddress = publicAddress(parts);
  const gate = new ArtefactGate();
  return {
    version,
    dataDir,
    startedAtMs: Date.now(),
    store,
    blobs,
    tempDir,
    fleetAddress,
    closing,
    presence: (deviceId) => fleet.presence(deviceId),
    checkHealth: () => checkHealth({ store, dataDir, fleet }),
    connectedDeviceIds: () => new Set(fleet.connectedDeviceIds()),
    addDevice: async ({ name, outDir }) =>
      (await addDevice({ store, authority, name, coordinatorAddress: fleetAddress, outDir })).device,
    revokeDevice: async ({ id }) => {
      await store.setDeviceState(id, 'revoked');
      fleet.disconnect(id);
    },
    resolveDevice: async ({ id }) => {
      fleet.forgetRival(id);
      await store.recordRival(id, undefined);
    },
    addModel: async (order) => {
      const notes: string[] = [];
      const onNote = (text: string): void => void notes.push(text);
      const add = (): Promise<Model> =>
        addModel({ ...order, store, blobs, tempDir, onNote, signal: closing });
      return { model: await gate.share(add), notes };
    },
    addVariant: ({ model, path, name }) =>
      gate.share(() => addVariant({ model, path, name, store, blobs, tempDir, signal: closing })),
    enqueueImport: (params) => gate.share(() => tasks.enqueue('import-dataset', params)),
    enqueueQuantize: (params) => gate.share(() => tasks.enqueue('quantize', params)),
    cancelTask: ({ id }) => tasks.cancel(id),
    createRun: (plan) => gate.share(() => createRun({ plan, store, blobs, events, fleet, signal: closing })),
    cancelRun: (run, reason) => cancelRun({ run, reason, store, events, fleet }),
    buildReport: async ({ id }, format) =>
      renderReport(
        { kind: 'run', stored: await loadRun(id, store), folders: evidenceFolders(dataDir), format },
        reportMemoryBytes,
      ),
    compareRuns: async (subject, base) =>
      renderComparison(
        {
          subject: await loadRun(subject.id, store),
          base: await loadRun(base.id, store),
          folders: evidenceFolders(dataDir),
        },
        reportMemoryBytes,
      ),
    buildBundle: async (run) =>
      packBundle(await loadEvidence(run.id, store, blobs), await listSigned(run, store), {
        version,
        caPem: authority.certificatePem,
      }),
    addImport: (order) => gate.share(() => addImport({ ...order, store, blobs })),
    buildImportReport: async ({ digest }, format) =>
      renderReport({ kind: 'import', imported: await readImport(digest, blobs), format }, reportMemoryBytes),
    removeArtefact: (what, force) => gate.alone(() => removeArtefact({ store, blobs, what, force })),
    collectGarbage: ({ dryRun }) =>
      gate.alone(() => collectUnusedBlobs({ store, blobs, dataDir, nowMs: Date.now(), dryRun })),
    // What it lists must not be collected before it is copied.
    createBackup: (order) => gate.share(() => createBackup({ ...order, dataDir, version, signal: closing })),
    waitForEvent: (signal) => waitForEvent(events, signal),
  };
}

function evidenceFolders(dataDir: string): EvidenceFolders {
  return { blobs: join(dataDir, 'blobs'), summaries: join(dataDir, 'summaries') };
}

/** The run's committed results, and the earlier probes of its devices. */
async function listSigned({ id, deviceIds, finishedAtMs }: RunRecord, store: Store): Promise<SignedResult[]> {
  return [...(await store.listResults(id)), ...(await store.latestProbes(deviceIds, finishedAtMs))];
}

/** Where agents are told to connect: as bound, or by a name of this machine where it listens on all addresses. */
function publicAddress({ fleet, publicHosts }: ServiceParts): string {
  const isAny = /^(0\.0\.0\.0|\[::\]|::):/.test(fleet.address);
  const name = publicHosts[0] ?? (isAny ? hostname() : undefined);
  return name === undefined ? fleet.address : `${name.includes(':') ? `[${name}]` : name}:${fleet.port}`;
}

function waitForEvent(events: EventBus, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = events.subscribe(() => resolve());
  const stop = (): void => resolve();
  signal.addEventListener('abort', stop, { once: true });
  return promise.finally(() => {
    unsubscribe();
    signal.removeEventListener('abort', stop);
  });
}
