import { QfleetError } from '@qfleet/shared/errors.ts';
import { describeCertificateEnd, renewalHint } from '../pki/certificate-end.ts';
import type { Plan } from '../plan/plan.ts';
import type { DeviceRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { findDevice } from './find-by-name.ts';

/**
 * The devices of a plan: those it names, or every approved one that is connected. A named device that is away keeps its
 * place: its jobs wait. Throws `failed-precondition` where no agent is connected, a device is revoked or has never
 * connected (nobody knows its backends), and `not-found` with the nearest names.
 */
export async function chooseDevices(
  wanted: Plan['devices'],
  store: Store,
  connectedIds: ReadonlySet<string>,
): Promise<{ readonly devices: DeviceRecord[]; readonly notes: string[] }> {
  if (wanted === 'all')
    return { devices: requireAny(await connectedDevices(store, connectedIds)), notes: [] };
  const found = new Map<string, DeviceRecord>();
  for (const name of wanted) {
    const device = await findDevice(store, name);
    requireUsable(device);
    found.set(device.id, device);
  }
  const devices = requireAny([...found.values()]);
  const away = devices.filter(({ id }) => !connectedIds.has(id));
  return { devices, notes: away.map(({ name }) => `${name} is not connected; its jobs wait for it.`) };
}

async function connectedDevices(store: Store, connectedIds: ReadonlySet<string>): Promise<DeviceRecord[]> {
  const devices = await store.listDevices();
  return devices.filter(({ id, state }) => state === 'approved' && connectedIds.has(id));
}

function requireAny(devices: DeviceRecord[]): DeviceRecord[] {
  if (devices.length > 0) return devices;
  throw new QfleetError('failed-precondition', 'No agent is connected, so there is nothing to run on.', {
    hint: 'Make a device with `./qfleet device add NAME --out DIR` and start `./qfleet-agent run --identity DIR`.',
  });
}

function requireUsable({ name, state, inventory, certificateEndsAtMs }: DeviceRecord): void {
  if (certificateEndsAtMs !== undefined && certificateEndsAtMs <= Date.now()) {
    throw new QfleetError(
      'failed-precondition',
      `The device ${name} cannot connect: its ${describeCertificateEnd(certificateEndsAtMs, Date.now())}.`,
      { hint: renewalHint(name) },
    );
  }
  if (state === 'revoked') {
    throw new QfleetError('failed-precondition', `The device ${name} is revoked.`, {
      hint: 'Leave it out, or add it anew with `./qfleet device rm` and `./qfleet device add`.',
    });
  }
  if (inventory) return;
  throw new QfleetError(
    'failed-precondition',
    `The device ${name} has never connected: its backends are not known.`,
    {
      hint: 'Start its agent once: ./qfleet-agent run --identity DIR',
    },
  );
}
