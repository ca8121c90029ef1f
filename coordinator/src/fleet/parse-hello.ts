import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Hello__Output } from '@qfleet/shared/gen/qfleet/v1/Hello.ts';
import { inventorySchema } from '@qfleet/shared/inventory/inventory.ts';
import type { Store } from '../store/store.ts';
import type { AgentInstance } from './identity-watch.ts';

const maxInventoryBytes = 256 * 1024;
const maxBackends = 64;
const maxHeldJobs = 1024;

/** What a Hello says, checked; throws `invalid-argument` naming what is wrong with it. */
export function parseHello(
  hello: Hello__Output,
  nowMs: number,
): Parameters<Store['recordHello']>[1] & { readonly instance: AgentInstance } {
  if (hello.protocolVersion < 1) throw wrong('protocol_version', 'expected at least 1, got 0');
  if (hello.bootId === '' || hello.bootId.length > 128)
    throw wrong('boot_id', 'expected 1 to 128 characters');
  if (hello.backends.length > maxBackends) throw wrong('backends', `more than ${maxBackends}`);
  if (hello.heldJobs.length > maxHeldJobs) throw wrong('held_jobs', `more than ${maxHeldJobs}`);
  const inventory = parseInventory(hello.inventoryJson);
  return {
    instance: {
      key: hello.agentInstanceId.slice(0, 128) || `boot ${hello.bootId}`,
      bootId: hello.bootId,
      hostname: inventory.hostname.slice(0, 64),
    },
    agentVersion: hello.agentVersion.slice(0, 64),
    bootId: hello.bootId,
    inventory,
    backends: hello.backends,
    clockOffsetMs: Number(hello.agentTimeUnixMs) - nowMs,
  };
}

function parseInventory(bytes: Uint8Array) {
  if (bytes.length > maxInventoryBytes) throw wrong('inventory_json', `more than ${maxInventoryBytes} bytes`);
  const parsed = inventorySchema.safeParse(parseJsonBytes(bytes));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw wrong('inventory_json', `${issue?.path.join('.')}: ${issue?.message}`);
}

function parseJsonBytes(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw wrong('inventory_json', 'no JSON');
  }
}

function wrong(field: string, what: string): QfleetError {
  return new QfleetError('invalid-argument', `The Hello is not usable: ${field}: ${what}.`, {
    hint: 'Agent and coordinator should be of about the same version.',
  });
}
