import type { Logger } from '@qfleet/shared/logger.ts';
import { describeCertificateEnd } from '../pki/certificate-end.ts';

/** Between two warnings, milliseconds: a day. */
const warnEveryMs = 24 * 3_600_000;

/**
 * Warns once a day that the coordinator's own certificate has expired or soon will. It is renewed at a start alone, and
 * a coordinator that runs for longer than it holds is accepted by no agent.
 */
export class OwnCertificateWatch {
  readonly #endsAtMs: number;
  readonly #logger: Pick<Logger, 'warn'>;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  /** Times are milliseconds since 1970. */
  constructor(endsAtMs: number, logger: Pick<Logger, 'warn'>) {
    this.#endsAtMs = endsAtMs;
    this.#logger = logger;
  }

  look(nowMs: number): void {
    const end = describeCertificateEnd(this.#endsAtMs, nowMs);
    if (end === undefined || Math.abs(nowMs - this.#warnedAtMs) < warnEveryMs) return;
    this.#warnedAtMs = nowMs;
    this.#logger.warn(
      { certificateEndsAtMs: this.#endsAtMs },
      `The coordinator's ${end}; no agent can connect after that. Check the clock, then restart the coordinator: it makes itself a new one.`,
    );
  }
}
