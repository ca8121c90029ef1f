import type { EventRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

export type EventListener = (event: EventRecord) => void;

/** Stores what happens and then tells whoever listens in this process, so that progress streams need not poll. */
export class EventBus {
  readonly #store: Pick<Store, 'appendEvent'>;
  readonly #listeners = new Set<EventListener>();

  constructor(store: Pick<Store, 'appendEvent'>) {
    this.#store = store;
  }

  /** The event as stored; listeners hear it after the commit. */
  async append(event: { subject: string; kind: string; data: unknown }): Promise<EventRecord> {
    const record = await this.#store.appendEvent(event);
    for (const listener of [...this.#listeners]) listener(record);
    return record;
  }

  /** Calls `listener` for every event from now on; returns what ends that. Listeners must not throw. */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
