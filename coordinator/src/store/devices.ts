import { QfleetError } from '@qfleet/shared/errors.ts';
import type { BackendInfo__Output } from '@qfleet/shared/gen/qfleet/v1/BackendInfo.ts';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import { sql } from 'kysely';
import { dateOf, renewalHint } from '../pki/certificate-end.ts';
import { chunk } from './chunk.ts';
import { failUnfinishedJobs } from './jobs.ts';
import { parseJson, parseNumber } from './parse-json.ts';
import type { DeviceRecord, DeviceRival } from './records.ts';
import type { DeviceRow } from './schema.ts';
import type { Scope } from './scope.ts';
import type { Store } from './store.ts';

/** Devices that one statement looks for. */
const devicesAtOnce = 100;

/** Registers a device, approved; throws `already-exists` for a name or key in use. */
export async function addDevice(
  scope: Scope,
  device: Parameters<Store['addDevice']>[0],
): Promise<DeviceRecord> {
  const other = await scope.db
    .selectFrom('devices')
    .select(['name', 'public_key'])
    .where((eb) =>
      eb.or([
        eb('id', '=', device.id),
        eb('public_key', '=', device.publicKey),
        eb.and([eb('name', '=', device.name), eb('removed_at_ms', 'is', null)]),
      ]),
    )
    .executeTakeFirst();
  if (other) {
    const what = other.public_key === device.publicKey ? 'with that key' : `named "${other.name}"`;
    throw new QfleetError('already-exists', `There is a device ${what} already.`, {
      hint: 'Choose another name, or remove that device first: ./qfleet device rm NAME',
    });
  }
  const row = await scope.db
    .insertInto('devices')
    .values({
      id: device.id,
      name: device.name,
      public_key: device.publicKey,
      state: 'approved',
      created_at_ms: scope.nowMs(),
      backends_json: '[]',
      certificate_pem: device.certificatePem ?? null,
      certificate_ends_at_ms: device.certificateEndsAtMs ?? null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toDevice(row);
}

/** By id (also one that was removed, as revoked), else by name. */
export async function findDevice(scope: Scope, nameOrId: string): Promise<DeviceRecord | undefined> {
  const all = scope.db.selectFrom('devices').selectAll();
  const row =
    (await all.where('id', '=', nameOrId).executeTakeFirst()) ??
    (await all.where('name', '=', nameOrId).where('removed_at_ms', 'is', null).executeTakeFirst());
  return row && toDevice(row);
}

/** Those of these ids that there are, also removed ones, in the order of the ids. */
export async function findDevices(scope: Scope, ids: readonly string[]): Promise<DeviceRecord[]> {
  const found = new Map<string, DeviceRecord>();
  for (const some of chunk(ids, devicesAtOnce)) {
    await scope.takeTurn();
    const rows = await scope.db.selectFrom('devices').selectAll().where('id', 'in', some).execute();
    for (const row of rows) found.set(row.id, toDevice(row));
  }
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** Those that were not removed, by name. */
export async function listDevices(scope: Scope): Promise<DeviceRecord[]> {
  const rows = await scope.db
    .selectFrom('devices')
    .selectAll()
    .where('removed_at_ms', 'is', null)
    .orderBy('name')
    .execute();
  return rows.map(toDevice);
}

/** Ids of devices that may no longer act: revoked or removed. */
export async function listRevokedDeviceIds(scope: Scope): Promise<Set<string>> {
  const rows = await scope.db.selectFrom('devices').select('id').where('state', '=', 'revoked').execute();
  return new Set(rows.map((row) => row.id));
}

/** What the device said of itself when its session began. */
export async function recordHello(
  scope: Scope,
  deviceId: string,
  hello: Parameters<Store['recordHello']>[1],
): Promise<void> {
  await scope.db
    .updateTable('devices')
    .set({
      last_seen_at_ms: scope.nowMs(),
      agent_version: hello.agentVersion,
      boot_id: hello.bootId,
      inventory_json: JSON.stringify(hello.inventory),
      backends_json: JSON.stringify(hello.backends),
      clock_offset_ms: Math.round(hello.clockOffsetMs),
      ...(hello.certificatePem === undefined ? {} : { certificate_pem: hello.certificatePem }),
      ...(hello.certificateEndsAtMs === undefined
        ? {}
        : { certificate_ends_at_ms: hello.certificateEndsAtMs }),
    })
    .where('id', '=', deviceId)
    .execute();
}

/** When devices were last heard of, milliseconds since 1970. */
export async function recordLastSeen(
  scope: Scope,
  devices: readonly { readonly deviceId: string; readonly atMs: number }[],
): Promise<void> {
  for (const { deviceId, atMs } of devices) {
    await scope.db
      .updateTable('devices')
      .set({ last_seen_at_ms: Math.round(atMs) })
      .where('id', '=', deviceId)
      .execute();
  }
}

/** Notes that two hosts use the device's identity; undefined: that has been resolved. */
export async function recordRival(
  scope: Scope,
  deviceId: string,
  rival: DeviceRival | undefined,
): Promise<void> {
  await scope.db
    .updateTable('devices')
    .set({ rival_json: rival === undefined ? null : JSON.stringify(rival) })
    .where('id', '=', deviceId)
    .execute();
}

/**
 * Fails what devices still had to do whose certificate has expired by now: they cannot connect any more, and their
 * runs would wait without end. Returns those devices.
 */
export async function failExpiredDevices(scope: Scope): Promise<DeviceRecord[]> {
  const rows = await scope.db
    .selectFrom('devices')
    .selectAll()
    .where(sql<boolean>`certificate_ends_at_ms <= ${scope.nowMs()}`)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('jobs')
          .select('jobs.id')
          .whereRef('jobs.device_id', '=', 'devices.id')
          .where('jobs.state', 'in', ['queued', 'leased']),
      ),
    )
    .execute();
  for (const { id, name, certificate_ends_at_ms } of rows) {
    const ended = dateOf(Number(certificate_ends_at_ms));
    const message = `The certificate of ${name} expired on ${ended}: the device cannot connect.`;
    await failUnfinishedJobs(scope, id, { class: 'certificate-expired', message, hint: renewalHint(name) });
  }
  return rows.map(toDevice);
}

/** Approves or revokes; what a revoked device still had to do fails, so that its runs can end. Throws `not-found`. */
export async function setDeviceState(
  scope: Scope,
  deviceId: string,
  state: DeviceRecord['state'],
): Promise<void> {
  const changed = await scope.db
    .updateTable('devices')
    .set({ state })
    .where('id', '=', deviceId)
    .where('removed_at_ms', 'is', null)
    .returning('name')
    .executeTakeFirst();
  if (!changed) throw unknownDevice(deviceId);
  if (state === 'revoked') {
    const message = `The device ${changed.name} was revoked.`;
    await failUnfinishedJobs(scope, deviceId, { class: 'device-revoked', message });
  }
}

/** Takes a device out of the fleet: revoked for good, its name free again; old runs still find it by its id. */
export async function removeDevice(scope: Scope, deviceId: string): Promise<void> {
  const changed = await scope.db
    .updateTable('devices')
    .set({ state: 'revoked', removed_at_ms: scope.nowMs() })
    .where('id', '=', deviceId)
    .where('removed_at_ms', 'is', null)
    .returning('name')
    .executeTakeFirst();
  if (!changed) throw unknownDevice(deviceId);
  const message = `The device ${changed.name} was removed.`;
  await failUnfinishedJobs(scope, deviceId, { class: 'device-removed', message });
}

function unknownDevice(deviceId: string): QfleetError {
  return new QfleetError('not-found', `There is no device ${deviceId}.`, { hint: 'See: ./qfleet device ls' });
}

function toDevice(row: DeviceRow): DeviceRecord {
  return {
    id: row.id,
    name: row.name,
    publicKey: row.public_key,
    state: row.state as DeviceRecord['state'],
    createdAtMs: Number(row.created_at_ms),
    lastSeenAtMs: parseNumber(row.last_seen_at_ms),
    agentVersion: row.agent_version ?? undefined,
    bootId: row.boot_id ?? undefined,
    inventory: parseJson<Inventory>(row.inventory_json),
    backends: parseJson<BackendInfo__Output[]>(row.backends_json),
    clockOffsetMs: parseNumber(row.clock_offset_ms),
    certificatePem: row.certificate_pem ?? undefined,
    certificateEndsAtMs: parseNumber(row.certificate_ends_at_ms),
    rival: parseJson<DeviceRival>(row.rival_json),
  };
}
