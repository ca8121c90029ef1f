/** A longer gap between two looks at the clock counts as this long, milliseconds. */
const longestGapMs = 10_000;

/**
 * How long this process has been there to hear anybody, as a time in milliseconds. It is monotonic, so a step of the
 * wall clock does not move it. A gap in which nobody looked at it counts as 10 s at most: the process was stopped, or
 * the machine slept, and what was sent meanwhile is still to be read. Its origin is the wall clock at the start, so
 * its values mean nothing to another process.
 */
export class SteadyClock {
  readonly #monotonicMs: () => number;
  #nowMs: number;
  #lookedAtMs: number;

  constructor(originMs = Date.now(), monotonicMs = (): number => performance.now()) {
    this.#monotonicMs = monotonicMs;
    this.#nowMs = originMs;
    this.#lookedAtMs = monotonicMs();
  }

  nowMs(): number {
    const lookMs = this.#monotonicMs();
    this.#nowMs += Math.min(lookMs - this.#lookedAtMs, longestGapMs);
    this.#lookedAtMs = lookMs;
    return this.#nowMs;
  }
}
