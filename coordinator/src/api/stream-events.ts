import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { EventRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

export interface EventStreamOptions {
  readonly response: ServerResponse;
  /** The first event sent is the next after this number. */
  readonly afterSeq: number;
  readonly subject: string | undefined;
  readonly store: Pick<Store, 'listEvents'>;
  waitForEvent(signal: AbortSignal): Promise<void>;
  /** Ends the stream; the client comes back with the last number it saw. */
  readonly closing: AbortSignal;
}

/** A comment goes out where nothing happens for this long, so that both sides notice a dead connection. */
const heartbeatMs = 15_000;

/** The client waits this long before it comes back. */
const retryMs = 1000;

const pageSize = 200;

/**
 * Sends stored events as server-sent events until the client leaves or the coordinator closes. Events are always read
 * from the store in commit order; the bus only wakes the reader, so none is lost or doubled. Waits while the client's
 * window is full.
 */
export async function streamEvents(options: EventStreamOptions): Promise<void> {
  const { response } = options;
  const left = new AbortController();
  response.once('close', () => left.abort());
  const signal = AbortSignal.any([left.signal, options.closing]);
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  try {
    await write(response, `retry: ${retryMs}\n\n`, signal);
    let afterSeq = options.afterSeq;
    while (!signal.aborted) afterSeq = await sendNext(options, afterSeq, signal);
  } finally {
    response.end();
  }
}

async function sendNext(options: EventStreamOptions, afterSeq: number, signal: AbortSignal): Promise<number> {
  const { subject, store, response } = options;
  const heard = nextWakeUp(options, signal);
  const query = { afterSeq, limit: pageSize, ...(subject === undefined ? {} : { subject }) };
  const events = await store.listEvents(query);
  if (events.length > 0) {
    heard.cancel();
    await write(response, events.map(formatEvent).join(''), signal);
    return events.at(-1)?.seq ?? afterSeq;
  }
  if ((await heard.outcome) === 'silence') await write(response, ': still here\n\n', signal);
  return afterSeq;
}

/** Starts listening before the store is read, so that nothing falls between reading and waiting. */
function nextWakeUp(
  options: EventStreamOptions,
  signal: AbortSignal,
): { outcome: Promise<'event' | 'silence'>; cancel(): void } {
  const cancelled = new AbortController();
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), heartbeatMs);
  const waiting = AbortSignal.any([signal, cancelled.signal, silence.signal]);
  const outcome = options.waitForEvent(waiting).then(() => {
    clearTimeout(timer);
    return silence.signal.aborted ? ('silence' as const) : ('event' as const);
  });
  return { outcome, cancel: () => cancelled.abort() };
}

function formatEvent({ seq, kind, atMs, subject, data }: EventRecord): string {
  return `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, atMs, subject, kind, data })}\n\n`;
}

async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted || response.write(text)) return;
  await once(response, 'drain', { signal }).catch(() => undefined);
}
