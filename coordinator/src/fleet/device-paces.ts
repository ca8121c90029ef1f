import { MessagePace, type PaceLimits } from './message-pace.ts';

/** Devices whose pace is kept; of more, those that have been quiet are dropped. */
const maxKept = 20_000;

/** How fast the calls of each device are served, so that none of them slows the others. */
export class DevicePaces {
  readonly #limits: PaceLimits;
  readonly #paces = new Map<string, MessagePace>();

  constructor(limits: PaceLimits) {
    this.#limits = limits;
  }

  /** Resolves when the next call of that device may be served; throws the signal's reason. */
  async take(deviceId: string, signal: AbortSignal): Promise<void> {
    const pace = this.#paces.get(deviceId) ?? new MessagePace(this.#limits);
    if (!this.#paces.has(deviceId)) this.#keep(deviceId, pace);
    await pace.take(signal);
  }

  #keep(deviceId: string, pace: MessagePace): void {
    this.#paces.set(deviceId, pace);
    if (this.#paces.size <= maxKept) return;
    for (const [id, other] of this.#paces) if (other.isRested) this.#paces.delete(id);
  }
}
