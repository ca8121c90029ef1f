/**
 * Keeps removals apart from what relies on artefacts while it makes something of them: a run that is being created has
 * looked its dataset up and refers to it only at the end. Many share the gate; a removal has it alone.
 */
export class ArtefactGate {
  readonly #sharing = new Set<Promise<unknown>>();
  #alone: Promise<unknown> = Promise.resolve();

  /** Work that reads or adds artefacts. */
  async share<T>(work: () => Promise<T>): Promise<T> {
    for (let before: Promise<unknown> | undefined; before !== this.#alone; ) {
      before = this.#alone;
      await before;
    }
    const working = work();
    const settled = working.catch(() => undefined);
    this.#sharing.add(settled);
    try {
      return await working;
    } finally {
      this.#sharing.delete(settled);
    }
  }

  /** Work that removes some: after all that share the gate now, before all that come later. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#alone;
    const sharing = [...this.#sharing];
    const working = Promise.all([before, ...sharing]).then(work);
    this.#alone = working.catch(() => undefined);
    return working;
  }
}
