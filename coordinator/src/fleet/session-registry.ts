import { QfleetError } from '@qfleet/shared/errors.ts';
import type { DeviceSession } from './device-session.ts';

/** The sessions that are open, one for each device. */
export class SessionRegistry {
  readonly #sessions = new Map<string, DeviceSession>();

  /** Takes the place of an older session of the same device, which ends. Returns whether there was one. */
  add(session: DeviceSession): boolean {
    const older = this.#sessions.get(session.device.id);
    this.#sessions.set(session.device.id, session);
    // Not `unavailable`: two agents with one identity would else come back at once and take turns for ever.
    older?.end(new QfleetError('already-exists', 'A newer session of this device has replaced this one.'));
    return older !== undefined;
  }

  /** Forgets a session; false where a newer one has its place. */
  remove(session: DeviceSession): boolean {
    if (this.#sessions.get(session.device.id) !== session) return false;
    return this.#sessions.delete(session.device.id);
  }

  find(deviceId: string): DeviceSession | undefined {
    return this.#sessions.get(deviceId);
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
}
