/** One process of an agent, as its Hello says. */
export interface AgentInstance {
  /** New at every start of an agent; of an agent that says none, the boot of its host. */
  readonly key: string;
  readonly bootId: string;
  readonly hostname: string;
}

/** Earlier instances that are remembered of a device. */
const maxEarlier = 16;

interface Seen {
  current: AgentInstance;
  readonly earlier: Map<string, AgentInstance>;
}

/**
 * Notices that two hosts use one identity, as after an SD card was cloned. An instance that was followed by another and
 * comes back is the proof: an agent that restarts, a board that was imaged anew or a card that was moved to another
 * board never come back as what they were.
 */
export class IdentityWatch {
  readonly #seen = new Map<string, Seen>();

  /** The other user of the identity, where this instance is one that had been followed by it. */
  findRival(deviceId: string, instance: AgentInstance): AgentInstance | undefined {
    const seen = this.#seen.get(deviceId);
    return seen?.earlier.has(instance.key) ? seen.current : undefined;
  }

  /** This instance has the session from now on. */
  note(deviceId: string, instance: AgentInstance): void {
    const seen = this.#seen.get(deviceId);
    if (!seen) {
      this.#seen.set(deviceId, { current: instance, earlier: new Map() });
      return;
    }
    if (seen.current.key !== instance.key) {
      seen.earlier.set(seen.current.key, seen.current);
      seen.earlier.delete(instance.key);
      const [oldest] = seen.earlier.keys();
      if (seen.earlier.size > maxEarlier && oldest !== undefined) seen.earlier.delete(oldest);
    }
    seen.current = instance;
  }

  /** What was known of a device is of no interest any more. */
  forget(deviceId: string): void {
    this.#seen.delete(deviceId);
  }
}
