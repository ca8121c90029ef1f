import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { Random } from '@qfleet/shared/random.ts';
import { type BrokenLink, type EndReason, explainBrokenLink } from './explain-broken-link.ts';
import { fullJitterMs } from './full-jitter.ts';
import { fromServiceError, isRefusal, isServiceError } from './grpc-error.ts';
import { holdSession, type SessionHandlers } from './hold-session.ts';
import type { Link } from './link.ts';

/** Where the coordinator does not want this device, asking again soon helps nobody. */
const slowRetryMs = 60_000;
/** The wait of a replaced agent doubles up to 64 minutes. */
const maxReplacementDoublings = 6;
/** A session that lasted this long, or in which a heartbeat was answered, starts the back-off anew. */
const stableMs = 5_000;

export interface KeepSessionOptions {
  readonly link: Link;
  /** Until when this device's certificate holds, milliseconds since 1970. */
  readonly certificateEndsAtMs: number;
  readonly handlers: SessionHandlers;
  readonly random: Random;
  readonly log: Logger;
  readonly onEnd: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Keeps a session with the coordinator until the signal is aborted, through every break. */
export async function keepSession({
  link,
  certificateEndsAtMs,
  handlers,
  random,
  log,
  onEnd,
  signal,
}: KeepSessionOptions): Promise<void> {
  let attempt = 0;
  let replacements = 0;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const end = await holdSession(link.client, handlers, signal);
    link.reset();
    if (signal.aborted) return;
    const isStable = end.wasAnswered || (end.wasWelcomed && performance.now() - startedAt > stableMs);
    if (isStable) attempt = 0;
    const { wasWelcomed } = end;
    const reason = explainEnd(end.error, {
      coordinator: link.coordinator,
      certificateEndsAtMs,
      wasWelcomed,
    });
    // Two agents with one identity take the session from each other: ever more rarely, so that work gets done.
    const factor = isReplaced(end.error) ? 2 ** Math.min(replacements++, maxReplacementDoublings) : 1;
    const pauseMs = reason.isLasting
      ? factor * slowRetryMs * (0.5 + random.next() / 2)
      : fullJitterMs(attempt++, random);
    log.warn({ coordinator: link.coordinator, retryInMs: Math.round(pauseMs) }, reason.message);
    onEnd(reason.message);
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

function explainEnd(error: unknown, link: BrokenLink): EndReason {
  if (error === undefined) return { message: 'The coordinator closed the session.', isLasting: false };
  const broken = explainBrokenLink(error, link);
  if (broken) return broken;
  const { message, hint } = fromServiceError(error);
  if (isReplaced(error)) {
    return {
      message: `Another agent uses this device's certificate and has the session: ${message} One identity folder is for one agent; make another with: ./qfleet device add NAME --out DIR`,
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
