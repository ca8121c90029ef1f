import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { QfleetError } from '@qfleet/shared/errors.ts';
import type { SessionRequest__Output } from '@qfleet/shared/gen/qfleet/v1/SessionRequest.ts';
import type { SessionResponse } from '@qfleet/shared/gen/qfleet/v1/SessionResponse.ts';
import type { DeviceRecord } from '../store/records.ts';
import type { LeasedJob } from '../store/store.ts';

export type SessionCall = ServerDuplexStream<SessionRequest__Output, SessionResponse>;

/** More uploads than one result has, and little memory. */
const maxNotedUploads = 1000;

/** A job in an agent's hands, by its fence. */
export interface Hold {
  readonly jobId: string;
  readonly fence: number;
}

/** A job that an agent works on, or still has to hand in the result of. Times are by the fleet's steady clock, ms. */
export interface HeldJob extends Hold {
  readonly runId: string;
  isCancelled: boolean;
  /** Its result is being committed just now. */
  isSettling: boolean;
  /** When the agent last said that it holds it. */
  heardAtMs: number;
  /** When its lease was last extended in the store. */
  extendedAtMs: number;
  /** When its progress was last stored. */
  progressAtMs: number;
}

export interface DeviceSessionOptions {
  readonly device: DeviceRecord;
  /** Of the host that the agent runs on, as its Hello says. */
  readonly bootId: string;
  readonly call: SessionCall;
  /** By the fleet's steady clock, milliseconds. */
  readonly nowMs: number;
  /** Ends the call. */
  readonly end: (reason: QfleetError) => void;
}

/** What a coordinator knows of one connected agent: what it holds, and how to speak to it. */
export class DeviceSession {
  readonly device: DeviceRecord;
  readonly bootId: string;
  /** When anything was last heard, by the fleet's steady clock, milliseconds. */
  heardAtMs: number;
  /** The same by the wall clock, milliseconds since 1970. */
  heardAtUnixMs = Date.now();
  /** An upload came further than any attempt at it before, since the last heartbeat. */
  hasUploaded = false;
  /** The agent has been greeted and may be given work. */
  isReady = false;
  readonly #call: SessionCall;
  readonly #end: (reason: QfleetError) => void;
  readonly #held = new Map<string, HeldJob>();
  /** How far the uploads of this session came, by digest. */
  readonly #uploadedBytes = new Map<string, number>();
  #hasEnded = false;

  constructor({ device, bootId, call, nowMs, end }: DeviceSessionOptions) {
    this.device = device;
    this.bootId = bootId;
    this.heardAtMs = nowMs;
    this.#call = call;
    this.#end = end;
  }

  get isIdle(): boolean {
    return this.isReady && !this.#hasEnded && this.#held.size === 0;
  }

  get isBusy(): boolean {
    return this.#held.size > 0;
  }

  /** Sends unless the session is over. Acknowledgements of an agent that does not read are dropped, not piled up. */
  send(message: SessionResponse): void {
    if (this.#hasEnded || this.#call.cancelled) return;
    if (message.heartbeatAck && this.#call.writableNeedDrain) return;
    this.#call.write(message);
  }

  /** Hands over a job. */
  lease(job: LeasedJob, nowMs: number): void {
    this.hold({ jobId: job.id, fence: job.fence }, { runId: job.runId, nowMs });
    this.send({
      lease: {
        job: {
          id: job.id,
          runId: job.runId,
          fence: job.fence,
          attempt: job.attempts,
          timeLimitMs: job.timeLimitMs,
          ...job.spec,
        },
      },
    });
  }

  /** Notes that the agent has a job in hand, whose lease was given or extended just now. */
  hold({ jobId, fence }: Hold, { runId, nowMs }: { readonly runId: string; readonly nowMs: number }): void {
    if (this.find({ jobId, fence })) return;
    this.#held.set(jobId, {
      jobId,
      fence,
      runId,
      isCancelled: false,
      isSettling: false,
      heardAtMs: nowMs,
      extendedAtMs: nowMs,
      progressAtMs: Number.NEGATIVE_INFINITY,
    });
  }

  /** What it works on, or still has to hand in the result of. */
  listUncancelled(): HeldJob[] {
    return [...this.#held.values()].filter((held) => !held.isCancelled);
  }

  find(hold: Hold): HeldJob | undefined {
    const held = this.#held.get(hold.jobId);
    return held?.fence === hold.fence ? held : undefined;
  }

  /** Has the agent stop a job, told once; it counts as busy until it says that it holds the job no more. */
  cancel(hold: Hold, reason: string): void {
    this.hold(hold, { runId: '', nowMs: this.heardAtMs });
    const held = this.find(hold);
    if (!held || held.isCancelled) return;
    held.isCancelled = true;
    this.send({ cancel: { jobId: hold.jobId, fence: hold.fence, reason } });
  }

  /** Cancels what is held without one of these leases, unless its result is under way. */
  cancelWithout(leases: ReadonlySet<string>, reason: string): void {
    for (const held of this.#held.values()) {
      if (!held.isSettling && !leases.has(leaseKey(held))) this.cancel(held, reason);
    }
  }

  /** The agent has said what it holds: cancelled jobs that it does not name have been stopped. */
  forgetStopped(stillHeld: Hold | undefined): void {
    for (const held of [...this.#held.values()]) {
      if (held.isCancelled && held.jobId !== stillHeld?.jobId) this.#held.delete(held.jobId);
    }
  }

  /**
   * Notes that an upload reached so many bytes. Only what is new counts as progress: bytes that are refused at their end
   * and sent again would keep their job's lease for ever.
   */
  noteUpload(digest: string, receivedBytes: number): void {
    if (receivedBytes <= (this.#uploadedBytes.get(digest) ?? -1)) return;
    if (this.#uploadedBytes.size >= maxNotedUploads) this.#uploadedBytes.clear();
    this.#uploadedBytes.set(digest, receivedBytes);
    this.hasUploaded = true;
  }

  beginSettling(hold: Hold): void {
    const held = this.find(hold);
    if (held) held.isSettling = true;
  }

  endSettling(hold: Hold): void {
    const held = this.find(hold);
    if (held) held.isSettling = false;
  }

  /** The job's result is stored; the agent is free. */
  settle(hold: Hold): void {
    if (this.find(hold)) this.#held.delete(hold.jobId);
    this.#uploadedBytes.clear();
  }

  /** Ends the stream with that reason. */
  end(reason: QfleetError): void {
    if (this.#hasEnded) return;
    this.close();
    this.#end(reason);
  }

  /** Nothing is sent from now on. */
  close(): void {
    this.#hasEnded = true;
  }
}

/** A lease as a string, to be looked up. */
export function leaseKey(hold: Hold): string {
  return `${hold.jobId}#${hold.fence}`;
}
