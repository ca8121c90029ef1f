import { QfleetError } from '@qfleet/shared/errors.ts';

export interface Reading {
  readonly signal: AbortSignal;
  /** Longest wait for the next message, milliseconds; absent: for ever. */
  readonly patienceMs?: number;
}

/**
 * The messages of a call, one by one, so that the peer is read no faster than it is served. Throws the
 * signal's reason, or `timeout`. Leaving early does not destroy the call: it has still to be answered.
 */
export async function* readMessages<T>(source: AsyncIterator<T>, reading: Reading): AsyncGenerator<T, void> {
  for (;;) {
    const next = await nextMessage(source, reading);
    if (next.done) return;
    yield next.value;
  }
}

/** The next message; see `readMessages`. */
export async function nextMessage<T>(source: AsyncIterator<T>, reading: Reading): Promise<IteratorResult<T>> {
  const { signal, patienceMs } = reading;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer =
    patienceMs === undefined ? undefined : setTimeout(() => reject(tooSlow(patienceMs)), patienceMs);
  try {
    return await Promise.race([source.next(), promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function tooSlow(patienceMs: number): QfleetError {
  return new QfleetError('timeout', `Nothing came for ${patienceMs} ms.`, {
    hint: 'Connect again and resume.',
  });
}
