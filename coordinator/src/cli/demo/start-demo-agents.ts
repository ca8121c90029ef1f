import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as z from 'zod';
import { doneSchema } from '../../api/name-param.ts';
import { deviceViewSchema } from '../../api/views/device-view.ts';
import { agentCommand } from '../agent-command.ts';
import { type CliContext, say } from '../cli-context.ts';
import { AgentProcess } from './agent-process.ts';
import type { Demo } from './demo.ts';

export interface DemoAgents extends AsyncDisposable {
  readonly agents: readonly AgentProcess[];
}

/** One agent of the demo: how its process is started, up to `--identity`. */
interface AgentPlan {
  readonly name: string;
  readonly backend: string;
  readonly file: string;
  readonly args: readonly string[];
}

const board = 'pi3';
const virtualDevice = fileURLToPath(new URL('../../../../deploy/virtual-device.ts', import.meta.url));

/**
 * Starts the demo's agents as children of this process: this machine with its native and its WASM backend, and an
 * emulated board where one can be had. Their identities are kept in the data folder and used again. Disposing ends them.
 */
export async function startDemoAgents(
  demo: Demo,
  { emulate }: { readonly emulate: boolean },
): Promise<DemoAgents> {
  const plans = planAgents(demo.context.env);
  if (emulate && (await canEmulate(demo.context))) plans.push(emulatedAgent());
  const agents: AgentProcess[] = [];
  const stopAll = async (): Promise<void> => {
    await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
  };
  try {
    for (const plan of plans) {
      agents.push(await startAgent(demo, plan));
      say(demo.context, `  ${plan.name} (${plan.backend})`);
    }
  } catch (thrown) {
    await stopAll();
    throw thrown;
  }
  return { agents, [Symbol.asyncDispose]: stopAll };
}

function planAgents(env: NodeJS.ProcessEnv): AgentPlan[] {
  const { file, args } = agentCommand(env);
  return ['onnxruntime-cpu', 'onnxruntime-wasm'].map((backend) => ({
    name: backend === 'onnxruntime-cpu' ? 'local-native' : 'local-wasm',
    backend,
    file,
    args: [...args, 'run'],
  }));
}

function emulatedAgent(): AgentPlan {
  const args = [virtualDevice, 'run', board];
  return { name: `emulated-${board}`, backend: 'onnxruntime-cpu', file: process.execPath, args };
}

async function canEmulate(context: CliContext): Promise<boolean> {
  if (!existsSync(virtualDevice)) return false;
  try {
    await promisify(execFile)(process.execPath, [virtualDevice, 'check', board], { timeout: 30_000 });
    return true;
  } catch (thrown) {
    const reason = ((thrown as { stderr?: string }).stderr ?? '').trim().split('\n')[0];
    say(context, `  no emulated board: ${(reason || 'the check failed').replace(/^virtual device: /, '')}`);
    return false;
  }
}

async function startAgent(demo: Demo, { name, backend, file, args }: AgentPlan): Promise<AgentProcess> {
  const folder = join(demo.dataDir, 'agents', name);
  await ensureIdentity(demo, name, folder);
  const connection = ['--identity', folder, '--coordinator', demo.coordinator.fleetAddress];
  return new AgentProcess({
    name,
    file,
    args: [...args, ...connection, '--backends', backend],
    env: demo.context.env,
    logPath: join(folder, 'agent.log'),
  });
}

/** Takes the identity that is there; one that lost its folder, or its place in the fleet, is made anew. */
async function ensureIdentity({ client }: Demo, name: string, outDir: string): Promise<void> {
  const { devices } = await client.get('/v1/devices', z.object({ devices: z.array(deviceViewSchema) }));
  const known = devices.find((device) => device.name === name);
  if (known?.state === 'approved' && existsSync(join(outDir, 'device.key'))) return;
  if (known) await client.delete(`/v1/devices/${known.id}`, doneSchema);
  await rm(outDir, { recursive: true, force: true });
  await client.post('/v1/devices', deviceViewSchema, { name, outDir });
}
