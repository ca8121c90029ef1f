import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { agentCommand } from '../agent-command.ts';
import type { Check } from './check.ts';

/** Whether `qfleet-agent` can be started on this machine. */
export const checkAgent: Check = async ({ context }) => {
  try {
    const { file, args } = agentCommand(context.env);
    const { stdout } = await promisify(execFile)(file, [...args, '--version'], { timeout: 30_000 });
    return { what: 'agent', state: 'ok', detail: stdout.trim() };
  } catch (thrown) {
    const detail = (thrown as Error).message.split('\n')[0] ?? 'does not start';
    return {
      what: 'agent',
      state: 'failed',
      detail,
      fix: 'Repeat `npm ci --include=optional` in the project, or set QFLEET_AGENT.',
    };
  }
};
