import { once } from 'node:events';
import { createServer } from 'node:net';
import { readOperatorFile } from '../../main/operator-file.ts';
import type { Check } from './check.ts';

/** The default ports of the operators' API and of the fleet. */
const defaultPorts = [7080, 7443];

/** Whether the default ports are free; ours to use where a coordinator of this data folder runs. */
export const checkPorts: Check = async ({ dataDir }) => {
  const what = 'ports';
  const taken: number[] = [];
  for (const port of defaultPorts) if (!(await isFree(port))) taken.push(port);
  if (taken.length === 0) return { what, state: 'ok', detail: `${defaultPorts.join(' and ')} are free` };
  const isOurs = (await readOperatorFile(dataDir).catch(() => undefined)) !== undefined;
  const detail = `${taken.join(' and ')} taken${isOurs ? ', a coordinator of this data folder is there' : ''}`;
  if (isOurs) return { what, state: 'ok', detail };
  const fix = 'Choose others: ./qfleet up --port 0 --listen 127.0.0.1:0';
  return { what, state: 'warning', detail, fix };
};

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host: '127.0.0.1', port });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
