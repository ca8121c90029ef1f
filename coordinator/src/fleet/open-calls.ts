import type { QfleetError } from '@qfleet/shared/errors.ts';

/** A call in progress, so that it can be ended from outside. */
export interface OpenCall {
  readonly deviceId: string;
  readonly deviceName: string;
  /** End of the client certificate, milliseconds since 1970. */
  readonly validUntilMs: number;
  end(reason: QfleetError): void;
}

/** Every call in progress, by device: an open stream outlives its certificate and the device's approval unless somebody ends it. */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();

  /** Returns what forgets the call again. */
  track(call: OpenCall): () => void {
    this.#calls.add(call);
    return () => {
      this.#calls.delete(call);
    };
  }

  /** Ends those that match. */
  end(matches: (call: OpenCall) => boolean, reason: QfleetError): void {
    for (const call of [...this.#calls]) if (matches(call)) call.end(reason);
  }

  /** Those whose certificate had ended by a time, milliseconds since 1970. */
  listExpired(nowMs: number): OpenCall[] {
    return [...this.#calls].filter((call) => call.validUntilMs <= nowMs);
  }

  get size(): number {
    return this.#calls.size;
  }
}
