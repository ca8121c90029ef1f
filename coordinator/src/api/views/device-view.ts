import { inventorySchema } from '@qfleet/shared/inventory/inventory.ts';
import * as z from 'zod';
import type { Presence } from '../../fleet/session-registry.ts';
import { keyFingerprint } from '../../pki/key-fingerprint.ts';
import type { DeviceRecord } from '../../store/records.ts';

const backendViewSchema = z.object({
  id: z.string(),
  available: z.boolean(),
  version: z.string(),
  /** Why it is unavailable. */
  reason: z.string(),
  /** What it says of itself; `numerics.…`: how it computes on integers. */
  capabilities: z.record(z.string(), z.string()),
});

/** A device as operators see it. Times are milliseconds since 1970; absent: not known yet. */
export const deviceViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['approved', 'revoked']),
  connected: z.boolean(),
  /** Fingerprint of its key, to be compared with that of a bundle's. */
  keyFingerprint: z.string(),
  createdAtMs: z.number(),
  lastSeenAtMs: z.number().optional(),
  agentVersion: z.string().optional(),
  clockOffsetMs: z.number().optional(),
  certificateEndsAtMs: z.number().optional(),
  /** Two hosts were seen to use its identity. */
  rival: z.object({ hostnames: z.array(z.string()), sinceMs: z.number(), lastMs: z.number() }).optional(),
  backends: z.array(backendViewSchema),
  inventory: inventorySchema.optional(),
});
export type DeviceView = z.infer<typeof deviceViewSchema>;

/** The view of a stored device; `presence` is undefined where it is away. */
export function viewDevice(device: DeviceRecord, presence: Presence | undefined): DeviceView {
  const { id, name, state, createdAtMs, agentVersion, clockOffsetMs, inventory, certificateEndsAtMs, rival } =
    device;
  const lastSeenAtMs = presence?.heardAtMs ?? device.lastSeenAtMs;
  return {
    id,
    name,
    state,
    connected: presence !== undefined,
    keyFingerprint: keyFingerprint(device.publicKey),
    createdAtMs,
    ...(lastSeenAtMs === undefined ? {} : { lastSeenAtMs }),
    ...(agentVersion === undefined ? {} : { agentVersion }),
    ...(clockOffsetMs === undefined ? {} : { clockOffsetMs }),
    ...(certificateEndsAtMs === undefined ? {} : { certificateEndsAtMs }),
    ...(rival === undefined ? {} : { rival: { ...rival, hostnames: [...rival.hostnames] } }),
    backends: device.backends.map(({ id, available, version, reason, capabilities }) => ({
      id,
      available,
      version,
      reason,
      capabilities: { ...capabilities },
    })),
    ...(inventory === undefined ? {} : { inventory }),
  };
}
