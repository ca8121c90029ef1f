import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { AgentServiceClient } from '@qfleet/shared/gen/qfleet/v1/AgentService.ts';
import type { Cancel__Output } from '@qfleet/shared/gen/qfleet/v1/Cancel.ts';
import type { Heartbeat } from '@qfleet/shared/gen/qfleet/v1/Heartbeat.ts';
import type { Hello } from '@qfleet/shared/gen/qfleet/v1/Hello.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import type { Progress } from '@qfleet/shared/gen/qfleet/v1/Progress.ts';
import type { SessionRequest } from '@qfleet/shared/gen/qfleet/v1/SessionRequest.ts';
import type { SessionResponse__Output } from '@qfleet/shared/gen/qfleet/v1/SessionResponse.ts';
import type { Welcome__Output } from '@qfleet/shared/gen/qfleet/v1/Welcome.ts';
import { fromThrownCall } from './grpc-error.ts';

/** A coordinator that has not welcomed the agent by then is taken for gone. */
const welcomeLimitMs = 20_000;
/** Heartbeats without an answer until the session is given up. */
const maxUnanswered = 3;
const defaultIntervalMs = 15_000;

/** What a session tells, and what it asks for. */
export interface SessionHandlers {
  hello(): Hello;
  heartbeat(): Promise<Heartbeat>;
  onWelcome(welcome: Welcome__Output, send: (progress: Progress) => void): void;
  onLease(job: Job__Output): void;
  onCancel(cancel: Cancel__Output): void;
}

export interface SessionEnd {
  /** What ended it: the coordinator's status, a timeout; undefined where the coordinator closed it without one. */
  readonly error: unknown;
  readonly wasWelcomed: boolean;
  /** A heartbeat came back: the link carried both ways for a while. */
  readonly wasAnswered: boolean;
}

/** Holds one session from Hello to its end, which it resolves with, whatever ended it; aborting the signal does. */
export async function holdSession(
  client: AgentServiceClient,
  handlers: SessionHandlers,
  signal: AbortSignal,
): Promise<SessionEnd> {
  try {
    await using session = new HeldSession(client, handlers, signal);
    return await session.ended;
  } catch (error) {
    return { error, wasWelcomed: false, wasAnswered: false };
  }
}

class HeldSession implements AsyncDisposable {
  readonly ended: Promise<SessionEnd>;
  readonly #call: ClientDuplexStream<SessionRequest, SessionResponse__Output>;
  readonly #handlers: SessionHandlers;
  readonly #cleanUps = new DisposableStack();
  #timer: NodeJS.Timeout;
  #unanswered = 0;
  #wasWelcomed = false;
  #wasAnswered = false;
  #end!: (error: unknown) => void;

  constructor(client: AgentServiceClient, handlers: SessionHandlers, signal: AbortSignal) {
    this.#handlers = handlers;
    this.ended = new Promise((resolve) => {
      this.#end = (error) =>
        resolve({ error, wasWelcomed: this.#wasWelcomed, wasAnswered: this.#wasAnswered });
    });
    this.#call = fromThrownCall(() => client.session());
    this.#call.on('data', (message: SessionResponse__Output) => this.#guard(() => this.#take(message)));
    this.#call.on('error', (error: ServiceError) => this.#end(error));
    this.#call.on('end', () => this.#end(undefined));
    this.#timer = setTimeout(
      () => this.#giveUp('The coordinator did not welcome this agent'),
      welcomeLimitMs,
    );
    const onAbort = (): void => this.#end(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#cleanUps.defer(() => signal.removeEventListener('abort', onAbort));
    this.#call.write({ hello: handlers.hello() });
  }

  #take(message: SessionResponse__Output): void {
    if (message.welcome) this.#welcome(message.welcome);
    else if (message.heartbeatAck) this.#noteAnswer();
    else if (message.lease?.job) this.#handlers.onLease(message.lease.job);
    else if (message.cancel) this.#handlers.onCancel(message.cancel);
  }

  #welcome(welcome: Welcome__Output): void {
    this.#wasWelcomed = true;
    clearTimeout(this.#timer);
    this.#handlers.onWelcome(welcome, (progress) => this.#write({ progress }));
    this.#timer = setInterval(() => void this.#beat(), welcome.heartbeatIntervalMs || defaultIntervalMs);
  }

  #noteAnswer(): void {
    this.#unanswered = 0;
    this.#wasAnswered = true;
  }

  async #beat(): Promise<void> {
    if (this.#unanswered >= maxUnanswered) {
      this.#giveUp(`The coordinator left ${maxUnanswered} heartbeats unanswered`);
      return;
    }
    this.#unanswered++;
    try {
      const heartbeat = await this.#handlers.heartbeat();
      this.#write({ heartbeat });
    } catch (thrown) {
      this.#end(thrown);
    }
  }

  /** What fails here ends this session, and nothing else: another one begins. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#end(thrown);
    }
  }

  #write(request: SessionRequest): void {
    if (this.#call.writable) this.#call.write(request);
  }

  #giveUp(what: string): void {
    this.#end(new QfleetError('no-coordinator', `${what}; connecting again.`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#cleanUps.dispose();
    // A cancelled call still emits its error.
    this.#call
      .removeAllListeners('data')
      .removeAllListeners('error')
      .on('error', () => undefined);
    this.#call.cancel();
  }
}
