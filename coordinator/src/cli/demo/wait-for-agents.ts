import { setTimeout as sleep } from 'node:timers/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';
import { deviceViewSchema } from '../../api/views/device-view.ts';
import { say } from '../cli-context.ts';
import type { AgentProcess } from './agent-process.ts';
import type { Demo } from './demo.ts';

/** An agent has this long to connect, milliseconds; an emulated one starts slowly. */
const patienceMs = 90_000;

const intervalMs = 250;

/**
 * Waits until every agent is connected, has left, or is too late. Returns the names of those that are connected; says
 * why the others are not, and throws `failed-precondition` where there is none.
 */
export async function waitForAgents(
  { context, client }: Demo,
  agents: readonly AgentProcess[],
): Promise<string[]> {
  const answerSchema = z.object({ devices: z.array(deviceViewSchema) });
  const startedMs = performance.now();
  for (;;) {
    const { devices } = await client.get('/v1/devices', answerSchema);
    const isConnected = ({ name }: AgentProcess): boolean =>
      devices.some((device) => device.name === name && device.connected);
    const isPending = agents.some((agent) => agent.isAlive && !isConnected(agent));
    if (!isPending || performance.now() - startedMs > patienceMs) {
      for (const agent of agents) if (!isConnected(agent)) await explain(agent);
      const names = agents.filter(isConnected).map(({ name }) => name);
      if (names.length > 0) return names;
      throw new QfleetError('failed-precondition', 'No agent connected.', { hint: 'See its log above.' });
    }
    await sleep(intervalMs, undefined, { signal: context.signal });
  }

  async function explain(agent: AgentProcess): Promise<void> {
    say(
      context,
      `  ${agent.name} ${agent.isAlive ? 'does not connect' : 'has left'}; it is left out. ${agent.logPath}:`,
    );
    say(context, await agent.lastWords());
  }
}
