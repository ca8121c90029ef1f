import { GroupCommit } from '../store/group-commit.ts';
import type { EventRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

export type EventListener = (event: EventRecord) => void;

interface NewEvent {
  readonly subject: string;
  readonly kind: string;
  readonly data: unknown;
}

/** Stores what happens and then tells whoever listens in this process, so that progress streams need not poll. */
export class EventBus {
  readonly #commits: GroupCommit<NewEvent, EventRecord>;
  readonly #listeners = new Set<EventListener>();

  constructor(store: Pick<Store, 'appendEvents'>) {
    this.#commits = new GroupCommit(async (events) => {
      const records = await store.appendEvents(events);
      for (const record of records) for (const listener of [...this.#listeners]) listener(record);
      return records;
    });
  }

  /** The event as stored; listeners hear it after the commit. */
  append(event: NewEvent): Promise<EventRecord> {
    return this.#commits.add(event);
  }

  /** Calls `listener` for every event from now on; returns what ends that. Listeners must not throw. */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
