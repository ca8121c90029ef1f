/**
 * Runs of which results are being committed and announced just now. The end of a run is told after the ends of all its
 * jobs: whoever follows it stops listening then.
 */
export class SettlingRuns {
  readonly #counts = new Map<string, number>();

  /** Disposing says that the result is announced. */
  begin(runId: string): Disposable {
    this.#counts.set(runId, this.count(runId) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = this.count(runId) - 1;
        if (left > 0) this.#counts.set(runId, left);
        else this.#counts.delete(runId);
      },
    };
  }

  /** Results of that run. */
  count(runId: string): number {
    return this.#counts.get(runId) ?? 0;
  }

  ids(): ReadonlySet<string> {
    return new Set(this.#counts.keys());
  }
}
