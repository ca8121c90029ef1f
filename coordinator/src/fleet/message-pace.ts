import { setTimeout as sleep } from 'node:timers/promises';

export interface PaceLimits {
  readonly perSecond: number;
  /** So many at once after a rest. */
  readonly burst: number;
}

/**
 * How fast the messages of one peer are read (a token bucket). Who sends faster is not cut off but read more slowly:
 * HTTP/2 then holds the rest back at the sender.
 */
export class MessagePace {
  readonly #limits: PaceLimits;
  #tokens: number;
  #filledAtMs = performance.now();

  constructor(limits: PaceLimits) {
    this.#limits = limits;
    this.#tokens = limits.burst;
  }

  /** Resolves when the next message may be served; throws the signal's reason. */
  async take(signal: AbortSignal): Promise<void> {
    this.#fill();
    if (this.#tokens < 1) {
      const waitMs = ((1 - this.#tokens) / this.#limits.perSecond) * 1000;
      await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      this.#fill();
    }
    this.#tokens--;
  }

  /** Nothing has been asked of it for so long that a new one would be the same. */
  get isRested(): boolean {
    this.#fill();
    return this.#tokens >= this.#limits.burst;
  }

  #fill(): void {
    const nowMs = performance.now();
    const grown = ((nowMs - this.#filledAtMs) / 1000) * this.#limits.perSecond;
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + grown);
    this.#filledAtMs = nowMs;
  }
}
