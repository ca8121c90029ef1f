/** What one commit takes at most. */
const itemsAtOnce = 64;

interface Waiting<Item, Answer> {
  readonly item: Item;
  resolve(answer: Answer): void;
  reject(reason: unknown): void;
}

/**
 * Does together what is asked for while the last work is going on, or in one turn of the event loop: a synced write
 * costs the same for one item and for many. Items are done in the order in which they came, and where the work
 * fails, it fails for all of its items.
 */
export class GroupCommit<Item, Answer> {
  readonly #work: (items: readonly Item[]) => Promise<readonly Answer[]>;
  readonly #waiting: Waiting<Item, Answer>[] = [];
  #isWorking = false;

  /** `work` answers in the order of its items. */
  constructor(work: (items: readonly Item[]) => Promise<readonly Answer[]>) {
    this.#work = work;
  }

  /** The answer to this item, once its commit is durable. */
  add(item: Item): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.push({ item, resolve, reject });
    if (!this.#isWorking) {
      this.#isWorking = true;
      setImmediate(() => void this.#drain());
    }
    return promise;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, itemsAtOnce));
    this.#isWorking = false;
  }

  async #commit(some: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#work(some.map(({ item }) => item));
      for (const [index, { resolve }] of some.entries()) resolve(answers[index] as Answer);
    } catch (reason) {
      for (const { reject } of some) reject(reason);
    }
  }
}
