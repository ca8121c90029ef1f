export type Direction = 'download' | 'upload';

/** Less is over before a connection has found its speed. */
const leastBytes = 1_000_000;
const keptTransfers = 20;

/** How fast the last large blobs came and went, so that the link's speed is known without traffic of its own. */
export class TransferLog {
  readonly #rates: Readonly<Record<Direction, number[]>> = { download: [], upload: [] };

  /** Notes a transfer that moved so many bytes without a break; small ones say nothing and are left out. */
  add(direction: Direction, bytes: number, durationNs: number): void {
    if (bytes <= leastBytes || durationNs <= 0) return;
    const rates = this.#rates[direction];
    rates.push((bytes / durationNs) * 1e9);
    if (rates.length > keptTransfers) rates.shift();
  }

  /** B/s of the last twenty each way, oldest first. */
  get rates(): Readonly<Record<Direction, readonly number[]>> {
    return { download: [...this.#rates.download], upload: [...this.#rates.upload] };
  }
}
