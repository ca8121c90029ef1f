import { setTimeout as sleep } from 'node:timers/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
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
 * Does what needs a connected agent. Where it is refused because none is, and one was started a moment ago (its device
 * is new and has never connected), it waits a little for that one and tries again.
 */
export async function withNewDevices<T>(
  context: CliContext,
  client: ApiClient,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof QfleetError) || thrown.code !== 'failed-precondition') throw thrown;
    if (!(await waitForFirst(context, client))) throw thrown;
    return work();
  }
}

/** Whether an agent has connected meanwhile, the first of all. */
async function waitForFirst(context: CliContext, client: ApiClient): Promise<boolean> {
  const untilMs = performance.now() + patienceMs;
  for (let looks = 0; ; looks++) {
    const { devices } = await client.get('/v1/devices', z.object({ devices: z.array(deviceViewSchema) }));
    if (devices.some(({ connected }) => connected)) return looks > 0;
    const fresh = devices.filter(isFresh);
    if (fresh.length === 0 || context.signal.aborted || performance.now() > untilMs) return false;
    if (looks === 0) say(context, `Waiting for the agent of ${fresh.map(({ name }) => name).join(', ')} …`);
    await sleep(lookMs);
  }
}

function isFresh({ state, createdAtMs, lastSeenAtMs }: DeviceView): boolean {
  return state === 'approved' && lastSeenAtMs === undefined && Date.now() - createdAtMs < newMs;
}
