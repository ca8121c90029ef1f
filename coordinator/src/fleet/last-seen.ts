import { chunk } from '../store/chunk.ts';
import type { Store } from '../store/store.ts';

/** Devices that one transaction writes. */
const devicesAtOnce = 100;

/**
 * When devices were last heard of, until it is written. A fleet is heard of hundreds of times a second, and only
 * what is away needs the time from the database.
 */
export class LastSeen {
  readonly #unwritten = new Map<string, number>();

  /** `atMs` is milliseconds since 1970. */
  note(deviceId: string, atMs: number): void {
    this.#unwritten.set(deviceId, atMs);
  }

  /** Writes what is there, in transactions of bounded size. */
  async write(store: Pick<Store, 'recordLastSeen'>): Promise<void> {
    const seen = [...this.#unwritten].map(([deviceId, atMs]) => ({ deviceId, atMs }));
    this.#unwritten.clear();
    for (const some of chunk(seen, devicesAtOnce)) await store.recordLastSeen(some);
  }
}
