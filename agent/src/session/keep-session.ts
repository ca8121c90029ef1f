import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { Random } from '@qfleet/shared/random.ts';
import { fullJitterMs } from './full-jitter.ts';
import { fromServiceError, isRefusal, isServiceError } from './grpc-error.ts';
import { holdSession, type SessionHandlers } from './hold-session.ts';
import type { Link } from './link.ts';

/** Where the coordinator does not want this device, asking again soon helps nobody. */
const slowRetryMs = 60_000;
/** A session that lasted this long starts the back-off anew. */
const stableMs = 5_000;

export interface KeepSessionOptions {
  readonly link: Link;
  readonly handlers: SessionHandlers;
  readonly random: Random;
  readonly log: Logger;
  readonly onEnd: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Keeps a session with the coordinator until the signal is aborted, through every break. */
export async function keepSession({
  link,
  handlers,
  random,
  log,
  onEnd,
  signal,
}: KeepSessionOptions): Promise<void> {
  let attempt = 0;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const end = await holdSession(link.client, handlers, signal);
    link.reset();
    if (signal.aborted) return;
    if (end.wasWelcomed && performance.now() - startedAt > stableMs) attempt = 0;
    const reason = explainEnd(end.error);
    const pauseMs = reason.isLasting
      ? slowRetryMs * (0.5 + random.next() / 2)
      : fullJitterMs(attempt++, random);
    log.warn({ coordinator: link.coordinator, retryInMs: Math.round(pauseMs) }, reason.message);
    onEnd(reason.message);
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

interface EndReason {
  readonly message: string;
  /** Whether it will still hold in a minute. */
  readonly isLasting: boolean;
}

function explainEnd(error: unknown): EndReason {
  if (error === undefined) return { message: 'The coordinator closed the session.', isLasting: false };
  const { message, hint } = fromServiceError(error);
  if (isReplaced(error)) {
    return {
      message: `Another agent connected with this device's certificate, and its session replaced this one: ${message}. One identity folder is for one agent; make another with: qfleet device add NAME --out DIR`,
      isLasting: true,
    };
  }
  if (isRefusal(error)) {
    return {
      message: `The coordinator does not accept this device: ${message}${hint ? ` ${hint}` : ''}`,
      isLasting: true,
    };
  }
  return {
    message: `No session with the coordinator: ${message}${hint ? ` ${hint}` : ''}`,
    isLasting: false,
  };
}

function isReplaced(error: unknown): boolean {
  return isServiceError(error) && (error.code === status.ABORTED || error.code === status.ALREADY_EXISTS);
}
