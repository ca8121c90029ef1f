/** All samples of a job, launch after launch, as one blob. */
export class SampleLog {
  readonly #parts: Float64Array[] = [];
  #length = 0;

  /** Appends a launch's warm-up and timed samples, nanoseconds; gives the index of the first. */
  add(warmupNs: Float64Array, timedNs: Float64Array): number {
    const offset = this.#length;
    this.#parts.push(warmupNs, timedNs);
    this.#length += warmupNs.length + timedNs.length;
    return offset;
  }

  /** Float64, little-endian. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(this.#length * 8);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const part of this.#parts) {
      for (const sample of part) {
        view.setFloat64(at, sample, true);
        at += 8;
      }
    }
    return bytes;
  }
}
