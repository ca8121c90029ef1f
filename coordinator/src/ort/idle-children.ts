import type { OrtChild } from './ort-child.ts';

/**
 * Child processes between two uses: starting Node and loading ONNX Runtime takes longer than most of what they are
 * asked. Disposing of it ends them. A child that crashed, timed out or was cancelled never comes here.
 */
export class IdleChildren implements AsyncDisposable {
  readonly #idle: OrtChild[] = [];
  #isOpen = true;

  take(): OrtChild | undefined {
    return this.#idle.pop();
  }

  /** False where no more are kept. */
  keep(child: OrtChild): boolean {
    if (this.#isOpen) this.#idle.push(child);
    return this.#isOpen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    await Promise.all(this.#idle.splice(0).map((child) => child[Symbol.asyncDispose]()));
  }
}
