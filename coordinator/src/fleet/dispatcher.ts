import { QfleetError } from '@qfleet/shared/errors.ts';
import { renewalHint } from '../pki/certificate-end.ts';
import type { LeasedJob } from '../store/store.ts';
import { announceFinishedRun, announceLostJobs } from './announce.ts';
import { certificateExpired, notAllowed } from './device-identity.ts';
import { leaseKey } from './device-session.ts';
import { extendLeases } from './extend-leases.ts';
import type { FleetContext } from './fleet-context.ts';

/** An agent that has not been heard of for so many heartbeats hangs, though its connection may answer. */
const silentHeartbeats = 4;
/** Devices that one transaction leases jobs to. */
const devicesAtOnce = 32;

/**
 * Gives idle agents their next job and ends what must end: calls of revoked devices and of certificates that
 * have run out, sessions that went silent, leases that ran out, jobs whose run was cancelled, runs whose
 * jobs are all final.
 *
 * What concerns one device (it connected, its result came) has it looked at alone, so that the cost of an event does
 * not grow with the fleet. A look at everything is taken every `pollIntervalMs`, and when a run was created or
 * cancelled. The event loop turns between all steps, for a lease is worth nothing if no heartbeat is heard meanwhile.
 */
export class Dispatcher {
  readonly #context: FleetContext;
  readonly #waitingDeviceIds = new Set<string>();
  #wakeUp = Promise.withResolvers<void>();
  #nextLookMs = 0;
  #nextSeenMs = 0;
  #isStopping = false;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** Has it look at everything. */
  wake(): void {
    this.#nextLookMs = 0;
    this.#wakeUp.resolve();
  }

  /** Has it look whether there is a job for that device. */
  wakeDevice(deviceId: string): void {
    this.#waitingDeviceIds.add(deviceId);
    this.#wakeUp.resolve();
  }

  stop(): void {
    this.#isStopping = true;
    this.#wakeUp.resolve();
  }

  /** Works until it is stopped. */
  async run(): Promise<void> {
    while (!this.#isStopping) {
      this.#wakeUp = Promise.withResolvers();
      try {
        if (performance.now() >= this.#nextLookMs) await this.#look();
        await this.#leaseToWaiting();
      } catch (error) {
        this.#context.logger.error({ err: error }, 'the dispatcher failed; it goes on');
      }
      await this.#rest();
    }
  }

  /** Until it is woken, or the next look at everything is due. */
  async #rest(): Promise<void> {
    const timer = setTimeout(this.#wakeUp.resolve, Math.max(0, this.#nextLookMs - performance.now()));
    await this.#wakeUp.promise;
    clearTimeout(timer);
  }

  async #look(): Promise<void> {
    this.#nextLookMs = performance.now() + this.#context.options.pollIntervalMs;
    this.#context.ownCertificate.look(Date.now());
    await this.#endForbiddenCalls();
    this.#endSilentSessions();
    await extendLeases(this.#context);
    await announceLostJobs(
      this.#context,
      await this.#context.store.expireLeases(this.#context.options.maxCrashes),
    );
    await this.#failExpiredDevices();
    await this.#cancelWithoutLease();
    await this.#findDueDevices();
    for (const run of await this.#context.store.finishDoneRuns(this.#context.settling.ids())) {
      await announceFinishedRun(this.#context, run);
    }
    await this.#writeLastSeen();
  }

  async #endForbiddenCalls(): Promise<void> {
    const { store, openCalls } = this.#context;
    const revoked = await store.listRevokedDeviceIds();
    openCalls.end((call) => revoked.has(call.deviceId), notAllowed());
    for (const call of openCalls.listExpired(Date.now()))
      call.end(certificateExpired(call.deviceName, call.validUntilMs));
  }

  /** What a device cannot come for any more would keep its run waiting without end. */
  async #failExpiredDevices(): Promise<void> {
    const { store, logger } = this.#context;
    for (const { id, name, certificateEndsAtMs } of await store.failExpiredDevices()) {
      const facts = { deviceId: id, name, certificateEndsAtMs };
      logger.warn(
        facts,
        `The certificate of ${name} has expired: its jobs have failed. ${renewalHint(name)}`,
      );
      await this.#context.events.append({
        subject: `device:${id}`,
        kind: 'device.certificate-expired',
        data: facts,
      });
    }
  }

  #endSilentSessions(): void {
    const { sessions, options, clock } = this.#context;
    const oldestMs = clock.nowMs() - silentHeartbeats * options.heartbeatIntervalMs;
    for (const session of sessions.list()) {
      if (session.heardAtMs >= oldestMs) continue;
      session.end(new QfleetError('timeout', `Nothing was heard for ${silentHeartbeats} heartbeats.`));
    }
  }

  async #cancelWithoutLease(): Promise<void> {
    const { store, sessions } = this.#context;
    const busy = sessions.list().filter((session) => session.isReady && session.isBusy);
    if (busy.length === 0) return;
    const leases = new Set((await store.listLeases()).map(leaseKey));
    for (const session of busy)
      session.cancelWithout(leases, 'The run was cancelled, or the lease has ended.');
  }

  async #findDueDevices(): Promise<void> {
    const idle = this.#context.sessions.list().filter((session) => session.isIdle);
    if (idle.length === 0) return;
    const due = await this.#context.store.listDueDeviceIds();
    for (const { device } of idle) if (due.has(device.id)) this.#waitingDeviceIds.add(device.id);
  }

  async #writeLastSeen(): Promise<void> {
    const { lastSeen, sessions, options, store } = this.#context;
    if (performance.now() >= this.#nextSeenMs) {
      this.#nextSeenMs = performance.now() + options.lastSeenIntervalMs;
      for (const session of sessions.list()) lastSeen.note(session.device.id, session.heardAtUnixMs);
    }
    await lastSeen.write(store);
  }

  /** Some of those that wait; the rest when the event loop has turned. */
  async #leaseToWaiting(): Promise<void> {
    const { sessions, store, options, events } = this.#context;
    while (this.#waitingDeviceIds.size > 0 && !this.#isStopping) {
      const some = [...this.#waitingDeviceIds].slice(0, devicesAtOnce);
      for (const deviceId of some) this.#waitingDeviceIds.delete(deviceId);
      const idle = some.filter((deviceId) => sessions.find(deviceId)?.isIdle);
      const jobs = idle.length === 0 ? [] : await store.leaseNextJobs(idle, options.leaseMs);
      const told = jobs.map((job) => events.append({ subject: `run:${job.runId}`, ...describeLease(job) }));
      await Promise.all(told);
      for (const job of jobs) this.#handOver(job);
      if (performance.now() >= this.#nextLookMs) return;
    }
  }

  /**
   * A newer session may have taken the place of the one that was idle; the job is its device's all the same. One
   * that is not greeted yet puts the job back itself, since the agent did not name it.
   */
  #handOver(job: LeasedJob): void {
    const session = this.#context.sessions.find(job.deviceId);
    if (session?.isReady) session.lease(job, this.#context.clock.nowMs());
  }
}

function describeLease({ id, deviceId, kind, fence, attempts }: LeasedJob) {
  return { kind: 'job.leased', data: { jobId: id, deviceId, kind, fence, attempt: attempts } };
}
