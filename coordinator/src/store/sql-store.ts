import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import type { ImportRecord } from '../imports/import-record.ts';
import * as artefacts from './artefacts.ts';
import type { DatabaseClock } from './database-clock.ts';
import * as devices from './devices.ts';
import * as events from './events.ts';
import { explainSqliteFailure } from './explain-sqlite-failure.ts';
import * as jobs from './jobs.ts';
import * as leases from './leases.ts';
import { LoopTurns } from './loop-turns.ts';
import type { DeviceRecord, DeviceRival, TaskRecord } from './records.ts';
import { referencedBlobs } from './referenced-blobs.ts';
import * as removal from './removal.ts';
import * as results from './results.ts';
import * as runs from './runs.ts';
import type { Database } from './schema.ts';
import type { Scope } from './scope.ts';
import type { NewResult, NewRun, Store } from './store.ts';
import * as tasks from './tasks.ts';

type Argument<Name extends keyof Store> = Store[Name] extends (first: infer First, ...rest: never) => unknown
  ? First
  : never;

/** The store on a SQL database, whichever the dialect: every method is one transaction of `./<subject>.ts`. */
export class SqlStore implements Store {
  readonly #db: Database;
  readonly #clock: DatabaseClock;
  readonly #turns = new LoopTurns();
  readonly #running = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(db: Database, clock: DatabaseClock) {
    this.#db = db;
    this.#clock = clock;
  }

  addDevice(device: Argument<'addDevice'>) {
    return this.#transact((scope) => devices.addDevice(scope, device));
  }

  findDevice(nameOrId: string) {
    return this.#transact((scope) => devices.findDevice(scope, nameOrId));
  }

  findDevices(ids: readonly string[]) {
    return this.#transact((scope) => devices.findDevices(scope, ids));
  }

  listDevices() {
    return this.#transact(devices.listDevices);
  }

  recordHello(deviceId: string, hello: Parameters<Store['recordHello']>[1]) {
    return this.#transact((scope) => devices.recordHello(scope, deviceId, hello));
  }

  recordRival(deviceId: string, rival: DeviceRival | undefined) {
    return this.#transact((scope) => devices.recordRival(scope, deviceId, rival));
  }

  failExpiredDevices() {
    return this.#transact(devices.failExpiredDevices);
  }

  recordLastSeen(seen: Argument<'recordLastSeen'>) {
    return this.#transact((scope) => devices.recordLastSeen(scope, seen));
  }

  setDeviceState(deviceId: string, state: DeviceRecord['state']) {
    return this.#transact((scope) => devices.setDeviceState(scope, deviceId, state));
  }

  removeDevice(deviceId: string) {
    return this.#transact((scope) => devices.removeDevice(scope, deviceId));
  }

  listRevokedDeviceIds() {
    return this.#transact(devices.listRevokedDeviceIds);
  }

  addModel(model: Model) {
    return this.#transact((scope) => artefacts.addModel(scope, model));
  }

  findModel(nameOrDigest: string) {
    return this.#transact((scope) => artefacts.findModel(scope, nameOrDigest));
  }

  listModels() {
    return this.#transact(artefacts.listModels);
  }

  addVariant(variant: Variant) {
    return this.#transact((scope) => artefacts.addVariant(scope, variant));
  }

  listVariants(modelDigest: string) {
    return this.#transact((scope) => artefacts.listVariants(scope, modelDigest));
  }

  addDataset(dataset: Dataset) {
    return this.#transact((scope) => artefacts.addDataset(scope, dataset));
  }

  findDataset(nameOrDigest: string) {
    return this.#transact((scope) => artefacts.findDataset(scope, nameOrDigest));
  }

  listDatasets() {
    return this.#transact(artefacts.listDatasets);
  }

  addImport(imported: ImportRecord) {
    return this.#transact((scope) => artefacts.addImport(scope, imported));
  }

  findImport(nameOrDigest: string) {
    return this.#transact((scope) => artefacts.findImport(scope, nameOrDigest));
  }

  listImports() {
    return this.#transact(artefacts.listImports);
  }

  createRun(run: NewRun) {
    return this.#transact((scope) => runs.createRun(scope, run));
  }

  findRun(idOrName: string) {
    return this.#transact((scope) => runs.findRun(scope, idOrName));
  }

  listRuns() {
    return this.#transact(runs.listRuns);
  }

  cancelRun(runId: string, reason: string) {
    return this.#transact((scope) => runs.cancelRun(scope, runId, reason));
  }

  finishRunIfDone(runId: string) {
    return this.#transact((scope) => runs.finishRunIfDone(scope, runId));
  }

  finishDoneRuns(exceptIds?: ReadonlySet<string>) {
    return this.#transact((scope) => runs.finishDoneRuns(scope, exceptIds));
  }

  listJobs(runId: string) {
    return this.#transact((scope) => jobs.listJobs(scope, runId));
  }

  findJob(jobId: string) {
    return this.#transact((scope) => jobs.findJob(scope, jobId));
  }

  recordProgress(attempts: Argument<'recordProgress'>) {
    return this.#transact((scope) => jobs.recordProgress(scope, attempts));
  }

  blobsOfLeases(deviceId: string) {
    return this.#transact((scope) => jobs.blobsOfLeases(scope, deviceId));
  }

  hasResultWithBlob(deviceId: string, blobDigest: string) {
    return this.#transact((scope) => results.hasResultWithBlob(scope, deviceId, blobDigest));
  }

  leaseNextJob(deviceId: string, leaseMs: number) {
    return this.#transact((scope) => leases.leaseNextJob(scope, deviceId, leaseMs));
  }

  leaseNextJobs(deviceIds: readonly string[], leaseMs: number) {
    return this.#transact((scope) => leases.leaseNextJobs(scope, deviceIds, leaseMs));
  }

  extendLease(hold: Argument<'extendLease'>) {
    return this.#transact((scope) => leases.extendLease(scope, hold));
  }

  extendLeases(holds: Argument<'extendLeases'>, leaseMs: number) {
    return this.#transact((scope) => leases.extendLeases(scope, holds, leaseMs));
  }

  renewLeases(leaseMs: number) {
    return this.#transact((scope) => leases.renewLeases(scope, leaseMs));
  }

  expireLeases(maxCrashes: number) {
    return this.#transact((scope) => leases.expireLeases(scope, maxCrashes));
  }

  abandonLeases(device: Argument<'abandonLeases'>) {
    return this.#transact((scope) => leases.abandonLeases(scope, device));
  }

  listLeases() {
    return this.#transact(leases.listLeases);
  }

  listDueDeviceIds() {
    return this.#transact(leases.listDueDeviceIds);
  }

  commitResult(result: NewResult) {
    return this.#transact((scope) => results.commitResult(scope, result));
  }

  listResults(runId: string) {
    return this.#transact((scope) => results.listResults(scope, runId));
  }

  latestProbes(deviceIds: readonly string[], untilMs = Number.MAX_SAFE_INTEGER) {
    return this.#transact((scope) => results.latestProbes(scope, deviceIds, untilMs));
  }

  addTask(task: Argument<'addTask'>) {
    return this.#transact((scope) => tasks.addTask(scope, task));
  }

  updateTask(id: string, change: Parameters<Store['updateTask']>[1]) {
    return this.#transact((scope) => tasks.updateTask(scope, id, change));
  }

  findTask(id: string) {
    return this.#transact((scope) => tasks.findTask(scope, id));
  }

  listTasks(state?: TaskRecord['state']) {
    return this.#transact((scope) => tasks.listTasks(scope, state));
  }

  /** For the sole owner of a database, at its start: what was running when the last one ended is queued again. */
  requeueRunningTasks() {
    return this.#transact(tasks.requeueRunningTasks);
  }

  appendEvents(what: Argument<'appendEvents'>) {
    return this.#transact((scope) => events.appendEvents(scope, what));
  }

  pruneEvents(limits: Argument<'pruneEvents'>) {
    return this.#transact((scope) => events.pruneEvents(scope, limits));
  }

  listEvents(query: Argument<'listEvents'>) {
    return this.#transact((scope) => events.listEvents(scope, query));
  }

  referencedBlobs(withoutDatasets?: ReadonlySet<string>) {
    return this.#transact((scope) => referencedBlobs(scope, withoutDatasets));
  }

  removeArtefact(what: removal.Removable, force: boolean) {
    return this.#transact((scope) => removal.removeArtefact(scope, what, force));
  }

  listUnusedDerivedDatasets() {
    return this.#transact(removal.listUnusedDerivedDatasets);
  }

  removeDatasets(digests: readonly string[]) {
    return this.#transact((scope) => removal.removeDatasets(scope, digests));
  }

  listResultDigests() {
    return this.#transact(results.listResultDigests);
  }

  /** Takes no more calls, and resolves when the transaction that was going on has ended; false where it was closed. */
  async close(): Promise<boolean> {
    const wasOpen = !this.#isClosed;
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
    return wasOpen;
  }

  async [Symbol.asyncDispose]() {
    if (await this.close()) await this.#db.destroy();
  }

  async #transact<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
    this.#requireOpen();
    const running = this.#db.transaction().execute(async (db) => {
      // Inside, where the calls that wait have their order: before it all of them would go on at once.
      await this.#turns.take();
      this.#requireOpen();
      return work({ ...this.#clock, db, takeTurn: () => this.#turns.take() });
    });
    this.#running.add(running);
    try {
      return await running;
    } catch (thrown) {
      throw explainSqliteFailure(thrown);
    } finally {
      this.#running.delete(running);
    }
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new QfleetError('unavailable', 'The store is closed.');
  }
}
