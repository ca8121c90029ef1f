/** Transactions follow each other for so long before the event loop gets a turn, milliseconds. */
const holdMs = 10;

/**
 * Gives the event loop a turn between transactions. A synchronous database answers at once, so a chain of awaited
 * calls is one long task: nothing else is heard until it ends. Whoever does a long piece of work in steps takes a
 * turn before each of them; most turns cost nothing, for the loop has turned of itself.
 */
export class LoopTurns {
  #turning: Promise<void> | undefined;
  #heldSinceMs = 0;

  /** Resolves at once, or after a turn of the loop where it has not turned for a while. */
  async take(): Promise<void> {
    while (this.#turning && performance.now() - this.#heldSinceMs >= holdMs) await this.#turning;
    if (this.#turning) return;
    this.#heldSinceMs = performance.now();
    this.#turning = new Promise((resolve) => {
      setImmediate(() => {
        this.#turning = undefined;
        resolve();
      });
    });
  }
}
