import { refused } from '../refused.ts';

/** Takes exact pieces from a stream of bytes; holds one chunk of the source at a time. */
export class ByteCursor implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #what: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;
  #taken = 0;

  /** `what` names the source in errors. */
  constructor(source: AsyncIterable<Uint8Array>, what: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#what = what;
  }

  /** The next `sizeBytes` in memory of their own, aligned for any element type; throws `refused` where the source ends before. */
  async take(sizeBytes: number): Promise<Buffer<ArrayBuffer>> {
    const result = Buffer.allocUnsafeSlow(sizeBytes);
    let filled = 0;
    while (filled < sizeBytes) {
      if (!(await this.#fill())) throw truncated(this.#what, this.#taken + sizeBytes, this.#taken + filled);
      const piece = this.#chunk.subarray(this.#position, this.#position + sizeBytes - filled);
      result.set(piece, filled);
      filled += piece.length;
      this.#position += piece.length;
    }
    this.#taken += sizeBytes;
    return result;
  }

  /** Throws `refused` where bytes follow. */
  async expectEnd(): Promise<void> {
    if (!(await this.#fill())) return;
    throw refused(
      `${this.#what}: expected ${this.#taken} bytes as its header says, got more.`,
      'The header does not fit the data: write the file again.',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    while (this.#position >= this.#chunk.length) {
      const next = await this.#source.next();
      if (next.done) return false;
      this.#chunk = next.value;
      this.#position = 0;
    }
    return true;
  }
}

function truncated(what: string, expectedBytes: number, gotBytes: number): Error {
  return refused(
    `${what} is truncated: expected at least ${expectedBytes} bytes, got ${gotBytes}.`,
    'Copy or download the file again.',
  );
}
