/**
 * A barrier of threads over shared memory: nobody passes until all have come. Threads spin, so that they start
 * together to within a cache line's journey, and go to sleep where the others keep them waiting long.
 */
export class Barrier {
  /** Bytes of shared memory that one barrier needs. */
  static readonly sizeBytes = 8;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #threads: number;

  constructor(memory: SharedArrayBuffer, threads: number) {
    this.#cells = new Int32Array(memory, 0, 2);
    this.#threads = threads;
  }

  /** Returns when all threads have called it as often as this one. */
  wait(): void {
    const generation = Atomics.load(this.#cells, generationCell);
    if (Atomics.add(this.#cells, arrivedCell, 1) + 1 === this.#threads) this.#open();
    else this.#sleepWhile(generation);
  }

  #open(): void {
    Atomics.store(this.#cells, arrivedCell, 0);
    Atomics.add(this.#cells, generationCell, 1);
    Atomics.notify(this.#cells, generationCell);
  }

  #sleepWhile(generation: number): void {
    for (let spin = 0; spin < spinLimit; spin++) {
      if (Atomics.load(this.#cells, generationCell) !== generation) return;
    }
    while (Atomics.load(this.#cells, generationCell) === generation) {
      Atomics.wait(this.#cells, generationCell, generation);
    }
  }
}

const arrivedCell = 0;
const generationCell = 1;
/** About a millisecond on a slow board: longer than threads differ, shorter than a time slice. */
const spinLimit = 20_000;
