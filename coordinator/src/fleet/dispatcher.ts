import { QfleetError } from '@qfleet/shared/errors.ts';
import { announceFinishedRun, announceLostJobs } from './announce.ts';
import { notAllowed } from './device-identity.ts';
import { type DeviceSession, leaseKey } from './device-session.ts';
import type { FleetContext } from './fleet-context.ts';

/** An agent that has not been heard of for so many heartbeats hangs, though its connection may answer. */
const silentHeartbeats = 4;

/**
 * Gives idle agents their next job and ends what must end: calls of revoked devices and of certificates that
 * have run out, sessions that went silent, leases that ran out, jobs whose run was cancelled, runs whose
 * jobs are all final. Looks when it is woken, and at least every `pollIntervalMs`.
 */
export class Dispatcher {
  readonly #context: FleetContext;
  readonly #startedAtMs = performance.now();
  #wakeUp = Promise.withResolvers<void>();
  #isStopping = false;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  wake(): void {
    this.#wakeUp.resolve();
  }

  stop(): void {
    this.#isStopping = true;
    this.wake();
  }

  /** Works until it is stopped. */
  async run(): Promise<void> {
    while (!this.#isStopping) {
      this.#wakeUp = Promise.withResolvers();
      try {
        await this.#look();
      } catch (error) {
        this.#context.logger.error({ err: error }, 'the dispatcher failed; it goes on');
      }
      await this.#rest();
    }
  }

  async #rest(): Promise<void> {
    const timer = setTimeout(() => this.wake(), this.#context.options.pollIntervalMs);
    await this.#wakeUp.promise;
    clearTimeout(timer);
  }

  async #look(): Promise<void> {
    await this.#endForbiddenCalls();
    this.#endSilentSessions();
    await this.#expireLeases();
    await this.#cancelWithoutLease();
    await this.#leaseDueJobs();
    for (const run of await this.#context.store.finishDoneRuns()) {
      await announceFinishedRun(this.#context, run);
    }
  }

  async #endForbiddenCalls(): Promise<void> {
    const { store, openCalls } = this.#context;
    const revoked = await store.listRevokedDeviceIds();
    const nowMs = Date.now();
    openCalls.end((call) => revoked.has(call.deviceId) || call.validUntilMs <= nowMs, notAllowed());
  }

  #endSilentSessions(): void {
    const { sessions, options } = this.#context;
    const oldestMs = performance.now() - silentHeartbeats * options.heartbeatIntervalMs;
    for (const session of sessions.list()) {
      if (session.heardAtMs >= oldestMs) continue;
      session.end(new QfleetError('timeout', `Nothing was heard for ${silentHeartbeats} heartbeats.`));
    }
  }

  /** Not in the first lease time after a start: agents that worked on meanwhile are still coming back. */
  async #expireLeases(): Promise<void> {
    const { store, options } = this.#context;
    if (performance.now() - this.#startedAtMs < options.leaseMs) return;
    await announceLostJobs(this.#context, await store.expireLeases(options.maxCrashes));
  }

  async #cancelWithoutLease(): Promise<void> {
    const { store, sessions } = this.#context;
    const busy = sessions.list().filter((session) => session.isReady && session.isBusy);
    if (busy.length === 0) return;
    const leases = new Set((await store.listLeases()).map(leaseKey));
    for (const session of busy)
      session.cancelWithout(leases, 'The run was cancelled, or the lease has ended.');
  }

  async #leaseDueJobs(): Promise<void> {
    const idle = this.#context.sessions.list().filter((session) => session.isIdle);
    if (idle.length === 0) return;
    const due = await this.#context.store.listDueDeviceIds();
    for (const session of idle) {
      if (this.#isStopping) return;
      if (due.has(session.device.id)) await this.#leaseNext(session);
    }
  }

  async #leaseNext(session: DeviceSession): Promise<void> {
    const { store, sessions, options, events } = this.#context;
    const deviceId = session.device.id;
    const job = await store.leaseNextJob(deviceId, options.leaseMs);
    if (!job) return;
    // A newer session may have taken this one's place meanwhile; the job is its device's all the same. One
    // that is not greeted yet puts the job back itself, since the agent did not name it.
    const present = sessions.find(deviceId) ?? session;
    if (present.isReady) present.lease(job);
    const data = { jobId: job.id, deviceId, kind: job.kind, fence: job.fence, attempt: job.attempts };
    await events.append({ subject: `run:${job.runId}`, kind: 'job.leased', data });
  }
}
