import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type DeviceView, deviceViewSchema } from '../api/views/device-view.ts';
import type { ApiClient } from './api-client.ts';
import { type CliContext, say } from './cli-context.ts';

/** A device that was made so long ago and has never connected is not just starting, milliseconds. */
const newMs = 120_000;

/** An agent that is starting looks at its backends before it connects, milliseconds. */
const patienceMs = 30_000;

const lookMs = 250;

/**
 * Waits a little where no agent is connected but one was started a moment ago: its device is new and has never
 * connected. What becomes of the command is for the coordinator to say.
 */
export async function waitForNewDevices(context: CliContext, client: ApiClient): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  let hasSaid = false;
  for (;;) {
    const { devices } = await client.get('/v1/devices', z.object({ devices: z.array(deviceViewSchema) }));
    const fresh = devices.filter(isFresh);
    const isAnyThere = devices.some(({ connected }) => connected);
    if (isAnyThere || fresh.length === 0 || context.signal.aborted || performance.now() > untilMs) return;
    if (!hasSaid) say(context, `Waiting for the agent of ${fresh.map(({ name }) => name).join(', ')} …`);
    hasSaid = true;
    await sleep(lookMs);
  }
}

function isFresh({ state, createdAtMs, lastSeenAtMs }: DeviceView): boolean {
  return state === 'approved' && lastSeenAtMs === undefined && Date.now() - createdAtMs < newMs;
}
