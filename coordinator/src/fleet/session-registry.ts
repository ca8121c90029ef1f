import { QfleetError } from '@qfleet/shared/errors.ts';
import type { DeviceSession } from './device-session.ts';

/** A connected device as operators see it. */
export interface Presence {
  /** When it was last heard of, milliseconds since 1970: newer than what is stored. */
  readonly heardAtMs: number;
}

/** The sessions that are open, one for each device. */
export class SessionRegistry {
  readonly #sessions = new Map<string, DeviceSession>();
  readonly #expected = new Map<string, { readonly end: (reason: QfleetError) => void }>();
  /** Agents of one host take turns, so what ends for one concerns the others. */
  readonly #byBoot = new Map<string, Set<DeviceSession>>();

  /**
   * A call of which the Hello is still to come. An older one of the same device that said none either ends, so that
   * there is one at most; a session that is established goes on until the newer agent has said who it is. Disposing
   * says that the Hello came, or never will.
   */
  expect(deviceId: string, end: (reason: QfleetError) => void): Disposable {
    const expected = { end };
    this.#expected.get(deviceId)?.end(replacedByNewer());
    this.#expected.set(deviceId, expected);
    return {
      [Symbol.dispose]: () => {
        if (this.#expected.get(deviceId) === expected) this.#expected.delete(deviceId);
      },
    };
  }

  /** Takes the place of an older session of the same device, which ends. Returns whether there was one. */
  add(session: DeviceSession): boolean {
    const older = this.#sessions.get(session.device.id);
    if (older) this.#forgetBoot(older);
    this.#sessions.set(session.device.id, session);
    this.#noteBoot(session);
    older?.end(replacedByNewer());
    return older !== undefined;
  }

  /** Forgets a session; false where a newer one has its place. */
  remove(session: DeviceSession): boolean {
    if (this.#sessions.get(session.device.id) !== session) return false;
    this.#forgetBoot(session);
    return this.#sessions.delete(session.device.id);
  }

  /** Those of one boot of one host. */
  listOfBoot(bootId: string): DeviceSession[] {
    return [...(this.#byBoot.get(bootId) ?? [])];
  }

  find(deviceId: string): DeviceSession | undefined {
    return this.#sessions.get(deviceId);
  }

  /** Of a device that was greeted. */
  presence(deviceId: string): Presence | undefined {
    const session = this.#sessions.get(deviceId);
    return session?.isReady ? { heardAtMs: session.heardAtUnixMs } : undefined;
  }

  get size(): number {
    return this.#sessions.size;
  }

  list(): DeviceSession[] {
    return [...this.#sessions.values()];
  }

  /** Devices that have been greeted. */
  connectedDeviceIds(): string[] {
    return this.list()
      .filter((session) => session.isReady)
      .map((session) => session.device.id);
  }

  #noteBoot(session: DeviceSession): void {
    const sessions = this.#byBoot.get(session.bootId) ?? new Set();
    this.#byBoot.set(session.bootId, sessions.add(session));
  }

  #forgetBoot(session: DeviceSession): void {
    const sessions = this.#byBoot.get(session.bootId);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#byBoot.delete(session.bootId);
  }
}

/** Not `unavailable`: two agents with one identity would else come back at once and take turns for ever. */
function replacedByNewer(): QfleetError {
  return new QfleetError('already-exists', 'A newer session of this device has replaced this one.');
}
