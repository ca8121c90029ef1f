import type { Readable } from 'node:stream';
import type { RunComparisons } from '../analysis/compare-runs.ts';
import type { Model, Variant } from '../artefacts/artefacts.ts';
import type { ContractFields } from '../artefacts/input-contract.ts';
import type { Backup } from '../backup/create-backup.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Presence } from '../fleet/session-registry.ts';
import type { ImportRecord } from '../imports/import-record.ts';
import type { ImportKind } from '../imports/import-set.ts';
import type { GarbageReport } from '../main/collect-unused-blobs.ts';
import type { Plan } from '../plan/plan.ts';
import type { DeviceRecord, RunRecord, TaskRecord } from '../store/records.ts';
import type { Removable } from '../store/removal.ts';
import type { Store } from '../store/store.ts';
import type { AddDatasetParams, QuantizeParams } from '../tasks/task-params.ts';

export type ReportFormat = 'json' | 'table' | 'md' | 'csv' | 'html';

/** What the operators' API needs of the coordinator; built in main/start-coordinator.ts. */
export interface Services {
  readonly version: string;
  readonly dataDir: string;
  readonly startedAtMs: number;
  readonly store: Store;
  readonly blobs: BlobStore;
  /** For what is made on the way; emptied at the coordinator's start. */
  readonly tempDir: string;
  /** Where agents connect to, `host:port`. */
  readonly fleetAddress: string;
  /** Why the coordinator cannot do its work now, without paths; empty where it can. */
  checkHealth(): Promise<readonly string[]>;
  connectedDeviceIds(): ReadonlySet<string>;
  /** What is known of a connected device; undefined where it is away. */
  presence(deviceId: string): Presence | undefined;
  /** Makes a device with its key and certificate in `outDir`; throws `already-exists`. */
  addDevice(order: { readonly name: string; readonly outDir: string }): Promise<DeviceRecord>;
  /** Its certificate is worth nothing from now on; an open session ends. */
  revokeDevice(device: DeviceRecord): Promise<void>;
  /** Only one host uses its identity again. */
  resolveDevice(device: DeviceRecord): Promise<void>;
  addModel(order: {
    readonly path: string;
    readonly name: string;
    readonly contract: ContractFields | undefined;
  }): Promise<{ readonly model: Model; readonly notes: readonly string[] }>;
  addVariant(order: {
    readonly model: Model;
    readonly path: string;
    readonly name: string;
  }): Promise<Variant>;
  enqueueImport(params: AddDatasetParams): Promise<TaskRecord>;
  enqueueQuantize(params: QuantizeParams): Promise<TaskRecord>;
  /** Stops a task that is queued or running; it keeps what it had finished. */
  cancelTask(task: TaskRecord): Promise<void>;
  createRun(plan: Plan): Promise<RunRecord>;
  cancelRun(run: RunRecord, reason: string): Promise<void>;
  /** UTF-8. */
  buildReport(run: RunRecord, format: ReportFormat): Promise<Readable>;
  /** A run against an earlier one, cell by cell. */
  /** Throws `failed-precondition` for runs of different models. */
  compareRuns(run: RunRecord, base: RunRecord): Promise<RunComparisons>;
  addImport(order: {
    readonly kind: ImportKind;
    readonly path: string;
    readonly name: string;
    readonly bandwidths: Readonly<Record<string, readonly string[]>>;
  }): Promise<ImportRecord>;
  /** The evidence of a run with its report, as one zip archive. */
  buildBundle(run: RunRecord): Promise<Uint8Array>;
  buildImportReport(imported: ImportRecord, format: ReportFormat): Promise<Readable>;
  /** Throws `failed-precondition` where something refers to it and it is not forced, or where it is at work. */
  removeArtefact(
    what: Removable,
    force: boolean,
  ): Promise<{ readonly along: readonly string[]; readonly freedBytes: number }>;
  /** A consistent copy of the data folder in a new folder; throws `already-exists`, `configuration`. */
  createBackup(order: { readonly outDir: string; readonly withBlobs: boolean }): Promise<Backup>;
  collectGarbage(order: { readonly dryRun: boolean }): Promise<GarbageReport>;
  /** Resolves when something may have been appended to the events, or when `signal` aborts. */
  waitForEvent(signal: AbortSignal): Promise<void>;
  /** Aborts when the coordinator goes down: streams end then. */
  readonly closing: AbortSignal;
}
