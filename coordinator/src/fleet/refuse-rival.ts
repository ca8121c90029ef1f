import { QfleetError } from '@qfleet/shared/errors.ts';
import { describeCertificateEnd, renewalHint } from '../pki/certificate-end.ts';
import type { DeviceRecord, DeviceRival } from '../store/records.ts';
import type { FleetContext } from './fleet-context.ts';
import type { AgentInstance } from './identity-watch.ts';

/** A rival that comes again and again is written down this often, milliseconds. */
const rivalIntervalMs = 60_000;

/**
 * Notices a second user of a device's identity. While the other has a session, this one is refused with
 * `already-exists`, so that work is done by one of them and not by each in turn; else it is let in, and the device is
 * flagged. Returns the flag of the device, old or new.
 */
export async function refuseRival(
  context: FleetContext,
  device: DeviceRecord,
  instance: AgentInstance,
): Promise<DeviceRival | undefined> {
  const { identities, sessions, logger } = context;
  const rival = identities.findRival(device.id, instance);
  if (!rival) {
    identities.note(device.id, instance);
    return device.rival;
  }
  const flag = await flagDevice(context, device, [rival.hostname, instance.hostname]);
  const facts = { deviceId: device.id, name: device.name, boots: [rival.bootId, instance.bootId] };
  logger.warn(facts, `${describeRival(device.name, flag)} ${rivalHint(device.name)}`);
  if (sessions.find(device.id)) {
    throw new QfleetError('already-exists', describeRival(device.name, flag), {
      hint: rivalHint(device.name),
    });
  }
  identities.note(device.id, instance);
  return flag;
}

/** What the device's agent should write into its log at the beginning of a session; empty: nothing. */
export function describeIdentity(
  { name }: DeviceRecord,
  { validUntilMs, rival }: { readonly validUntilMs: number; readonly rival: DeviceRival | undefined },
): string {
  const end = describeCertificateEnd(validUntilMs, Date.now());
  return [
    ...(end === undefined ? [] : [`${name}: ${end}. ${renewalHint(name)}`]),
    ...(rival === undefined ? [] : [`${describeRival(name, rival)} ${rivalHint(name)}`]),
  ].join(' ');
}

async function flagDevice(
  { store, events }: FleetContext,
  { id, rival: known }: DeviceRecord,
  hostnames: readonly string[],
): Promise<DeviceRival> {
  const nowMs = Date.now();
  const flag = {
    hostnames: [...new Set([...(known?.hostnames ?? []), ...hostnames])].slice(0, 8),
    sinceMs: known?.sinceMs ?? nowMs,
    lastMs: nowMs,
  };
  if (known && Math.abs(nowMs - known.lastMs) < rivalIntervalMs) return flag;
  await store.recordRival(id, flag);
  await events.append({ subject: `device:${id}`, kind: 'device.rival', data: { deviceId: id, ...flag } });
  return flag;
}

function describeRival(name: string, { hostnames, sinceMs }: DeviceRival): string {
  const hosts = hostnames.length > 1 ? hostnames.join(' and ') : `both named ${hostnames.join()}`;
  return `Two agents use the identity of ${name} (${hosts}), seen since ${new Date(sinceMs).toISOString()}: its SD card or its identity folder was copied.`;
}

function rivalHint(name: string): string {
  return `Give one of them an identity of its own (./qfleet device add NAME --out DIR), then say so: ./qfleet device resolve ${name}`;
}
