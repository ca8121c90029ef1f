import type { OrtChild } from './ort-child.ts';

/** More would hold memory that whoever works at the moment may need. */
const maxIdle = 1;

/**
 * A child process between two uses: starting Node and loading ONNX Runtime takes longer than most of what it is asked.
 * Disposing of this ends it. A child that crashed, timed out or was cancelled never comes here.
 */
export class IdleChildren implements AsyncDisposable {
  readonly #idle: OrtChild[] = [];
  #isOpen = true;

  take(): OrtChild | undefined {
    return this.#idle.pop();
  }

  /** False where no more are kept: it has to end then. */
  keep(child: OrtChild): boolean {
    const isKept = this.#isOpen && this.#idle.length < maxIdle;
    if (isKept) this.#idle.push(child);
    return isKept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    await Promise.all(this.#idle.splice(0).map((child) => child[Symbol.asyncDispose]()));
  }
}
