import type { BackendInfo__Output } from '@qfleet/shared/gen/qfleet/v1/BackendInfo.ts';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import type { ImportRecord } from '../imports/import-record.ts';
import type {
  DeviceRecord,
  DeviceRival,
  EventRecord,
  JobRecord,
  JobSpec,
  ResultRecord,
  RunRecord,
  TaskRecord,
} from './records.ts';
import type { Removable, Removed } from './removal.ts';

export interface NewJob {
  readonly id: string;
  readonly deviceId: string;
  readonly position: number;
  readonly spec: JobSpec;
  readonly timeLimitMs: number;
}

export interface NewRun {
  readonly id: string;
  readonly record: Pick<
    RunRecord,
    'name' | 'plan' | 'modelDigest' | 'variantDigests' | 'deviceIds' | 'datasetDigest' | 'notes'
  >;
  readonly jobs: readonly NewJob[];
}

export interface NewResult {
  readonly digest: string;
  readonly jobId: string;
  readonly deviceId: string;
  readonly fence: number;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
  /** Undefined for a completed attempt. */
  readonly failure:
    | { readonly class: string; readonly message: string; readonly hint?: string | undefined }
    | undefined;
  /** What a completed attempt lacks: variants of which it has no timing. The run then ends with failures. */
  readonly shortfall?: NewResult['failure'];
  /** What a failed attempt means for the job: back to the queue after a while, or final. */
  readonly onFailure: { readonly retryAfterMs: number } | 'final';
}

/**
 * `unknown-job`: this database has never leased that job to that device. `too-many`: `maxResultsPerAttempt` others of
 * that attempt are stored. Neither stores anything.
 */
export type CommitStatus = 'committed' | 'already-stored' | 'superseded' | 'unknown-job' | 'too-many';

/** How far an attempt is; `fraction` 0…1. */
export interface AttemptProgress {
  readonly jobId: string;
  readonly fence: number;
  readonly step: string;
  readonly fraction: number;
}

/** Whether an attempt may go on. */
export type LeaseAnswer = 'held' | 'lost' | 'cancelled';

/** A lease, as the agent's job needs it. */
export interface LeasedJob extends JobRecord {
  readonly leaseUntilMs: number;
}

/**
 * The coordinator's memory. Every method is one transaction; what it returned is durable. When something happened is
 * said by the database's wall clock; leases, pauses and stops are by a clock that nobody can set. `nameOrDigest` arguments take a name, a digest, or an unambiguous digest prefix of ≥ 6 digits.
 */
export interface Store extends AsyncDisposable {
  addDevice(device: {
    id: string;
    name: string;
    publicKey: string;
    certificatePem?: string;
    certificateEndsAtMs?: number;
  }): Promise<DeviceRecord>;
  findDevice(nameOrId: string): Promise<DeviceRecord | undefined>;
  /** Those of these ids that there are, also removed ones, in the order of the ids. */
  findDevices(ids: readonly string[]): Promise<DeviceRecord[]>;
  listDevices(): Promise<DeviceRecord[]>;
  recordHello(
    deviceId: string,
    hello: {
      agentVersion: string;
      bootId: string;
      inventory: Inventory;
      backends: readonly BackendInfo__Output[];
      clockOffsetMs: number;
      /** The certificate that it connected with. */
      certificatePem?: string;
      certificateEndsAtMs?: number;
    },
  ): Promise<void>;
  /** Notes that two hosts use the device's identity; undefined: that has been resolved. */
  recordRival(deviceId: string, rival: DeviceRival | undefined): Promise<void>;
  /** Fails what devices still had to do whose certificate has expired by now; those devices. */
  failExpiredDevices(): Promise<DeviceRecord[]>;
  /** When devices were last heard of, milliseconds since 1970. */
  recordLastSeen(devices: readonly { readonly deviceId: string; readonly atMs: number }[]): Promise<void>;
  setDeviceState(deviceId: string, state: DeviceRecord['state']): Promise<void>;
  /** Revokes it for good and frees its name; old runs still find it by its id. */
  removeDevice(deviceId: string): Promise<void>;
  /** Devices that may no longer act: revoked or removed. */
  listRevokedDeviceIds(): Promise<Set<string>>;

  /** Names are unique: a new digest under a known name throws `already-exists`; the same digest again is a no-op. */
  addModel(model: Model): Promise<Model>;
  findModel(nameOrDigest: string): Promise<Model | undefined>;
  listModels(): Promise<Model[]>;
  /** Variant names are unique within a model. Re-adding the same digest for the same model replaces the record. */
  addVariant(variant: Variant): Promise<Variant>;
  listVariants(modelDigest: string): Promise<Variant[]>;
  addDataset(dataset: Dataset): Promise<Dataset>;
  findDataset(nameOrDigest: string): Promise<Dataset | undefined>;
  listDatasets(): Promise<Dataset[]>;

  /** As `addDataset`. */
  addImport(imported: ImportRecord): Promise<ImportRecord>;
  findImport(nameOrDigest: string): Promise<ImportRecord | undefined>;
  listImports(): Promise<ImportRecord[]>;

  createRun(run: NewRun): Promise<RunRecord>;
  /** Also by unambiguous id prefix, or `latest`. */
  findRun(idOrName: string): Promise<RunRecord | undefined>;
  listRuns(): Promise<RunRecord[]>;
  listJobs(runId: string): Promise<JobRecord[]>;
  findJob(jobId: string): Promise<JobRecord | undefined>;
  /** Queued jobs become cancelled; leased ones are told to stop by their sessions. */
  cancelRun(runId: string, reason: string): Promise<void>;

  /**
   * Claims the next due job of a device in one statement: fence + 1, lease until now + leaseMs. Takes a
   * leased job whose lease has run out as well. None while another device of the same boot id holds a
   * live lease: two measurements never run at once on one host.
   */
  leaseNextJob(deviceId: string, leaseMs: number): Promise<LeasedJob | undefined>;
  /** The same for several devices; those that found something. */
  leaseNextJobs(deviceIds: readonly string[], leaseMs: number): Promise<LeasedJob[]>;
  /** A reconnecting agent takes up the job it holds, or learns that it may not (`lost`). */
  extendLease(hold: {
    jobId: string;
    fence: number;
    deviceId: string;
    leaseMs: number;
  }): Promise<LeaseAnswer>;
  /** The same for several; the answers come in the order of the holds. */
  extendLeases(
    holds: readonly { readonly jobId: string; readonly fence: number; readonly deviceId: string }[],
    leaseMs: number,
  ): Promise<LeaseAnswer[]>;
  /**
   * To be called by the owner of the store before it serves agents: every lease has its full time again, since the
   * clock by which it was given ended with the last owner, and agents that worked on meanwhile are coming back.
   */
  renewLeases(leaseMs: number): Promise<void>;
  recordProgress(attempts: readonly AttemptProgress[]): Promise<void>;
  /** Puts back jobs whose lease ran out; a job that lost its agent `maxCrashes` times in a row becomes failed. */
  expireLeases(maxCrashes: number): Promise<JobRecord[]>;
  /** The same for the leases that a device, which has just said what it holds, does not know of. */
  abandonLeases(device: {
    deviceId: string;
    held: readonly { jobId: string; fence: number }[];
    maxCrashes: number;
  }): Promise<JobRecord[]>;
  /** All leases, also those that have run out. */
  listLeases(): Promise<{ jobId: string; fence: number; deviceId: string }[]>;
  /** Devices for which `leaseNextJob` may have something. */
  listDueDeviceIds(): Promise<Set<string>>;
  /**
   * Stores a result and ends its attempt, in one transaction. At most one result per job is committed; a
   * late one is accepted while nobody else has committed; a stale fence after that is `superseded`.
   */
  commitResult(result: NewResult): Promise<CommitStatus>;
  listResults(runId: string): Promise<ResultRecord[]>;
  /** The last committed probe result of each device, with `untilMs` the last that had come by then; in the order of the ids. */
  latestProbes(deviceIds: readonly string[], untilMs?: number): Promise<ResultRecord[]>;
  /** Moves a run whose jobs are all final to its final state; returns it if it did. */
  finishRunIfDone(runId: string): Promise<RunRecord | undefined>;
  /** The same for every running run but these; those that were moved. */
  finishDoneRuns(exceptIds?: ReadonlySet<string>): Promise<RunRecord[]>;

  addTask(task: { id: string; kind: string; params: unknown }): Promise<TaskRecord>;
  updateTask(
    id: string,
    change: Partial<Pick<TaskRecord, 'state' | 'progress' | 'result' | 'error'>>,
  ): Promise<void>;
  findTask(id: string): Promise<TaskRecord | undefined>;
  listTasks(state?: TaskRecord['state']): Promise<TaskRecord[]>;

  appendEvents(events: readonly { subject: string; kind: string; data: unknown }[]): Promise<EventRecord[]>;
  /** Removes the oldest, at most so many at once: those of a certain age, and all but the newest; how many went. */
  pruneEvents(limits: {
    readonly keep: number;
    readonly maxAgeMs: number;
    readonly atMost: number;
  }): Promise<number>;
  listEvents(query: { afterSeq: number; subject?: string; limit: number }): Promise<EventRecord[]>;

  /** Digests that something other than these datasets refers to: what `gc` must keep. */
  referencedBlobs(withoutDatasets?: ReadonlySet<string>): Promise<Set<string>>;
  /**
   * Removes an artefact or a run. Throws `failed-precondition`, naming what refers to it, unless `force` takes that
   * along; what a running run or an unfinished task needs is never removed. Blobs stay for garbage collection.
   */
  removeArtefact(what: Removable, force: boolean): Promise<Removed>;
  /** Derived datasets that no run needs: none that is running, and none whose report counts answers on them. */
  listUnusedDerivedDatasets(): Promise<Dataset[]>;
  removeDatasets(digests: readonly string[]): Promise<void>;
  /** Of all stored results of all runs. */
  listResultDigests(): Promise<Set<string>>;
  /** Digests that a job leased to the device refers to, and may read. */
  blobsOfLeases(deviceId: string): Promise<Set<string>>;
  /** Whether a stored result of the device refers to the blob. */
  hasResultWithBlob(deviceId: string, blobDigest: string): Promise<boolean>;
}
