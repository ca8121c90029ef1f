import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestAgent } from '../../coordinator/src/fleet/fleet-fixture.ts';
import type { CoordinatorOrder, CoordinatorReady } from './coordinator-process.ts';

const processPath = fileURLToPath(new URL('./coordinator-process.ts', import.meta.url));

export interface CoordinatorProcess extends CoordinatorReady, AsyncDisposable {
  readonly pid: number;
}

/** Starts a coordinator of its own and waits until it has everything that was ordered. */
export async function startCoordinatorProcess(order: CoordinatorOrder): Promise<CoordinatorProcess> {
  const child = fork(processPath, [], { env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } });
  const exited = once(child, 'exit');
  const ready = new Promise<CoordinatorReady>((resolve, reject) => {
    child.once('message', (message) => resolve(message as CoordinatorReady));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The coordinator ended with ${code} at its start.`)));
  });
  child.send(order);
  return {
    ...(await ready),
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** Connects as one of its devices, session and all. */
export async function joinAs(
  { address, devices }: CoordinatorReady,
  index: number,
): Promise<{ readonly agent: TestAgent; readonly session: Awaited<ReturnType<TestAgent['open']>> }> {
  const device = devices[index]!;
  const read = (name: string): Promise<string> => readFile(join(device.identityFolder, name), 'utf8');
  const identity = {
    caPem: await read('ca.crt'),
    certificatePem: await read('device.crt'),
    keyPem: await read('device.key'),
  };
  const agent = new TestAgent(address, device.id, identity);
  return { agent, session: await agent.open() };
}
