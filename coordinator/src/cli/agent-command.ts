import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { QfleetError } from '@qfleet/shared/errors.ts';

/**
 * How `qfleet-agent` is started on this machine: `QFLEET_AGENT` names another program, else the agent of this
 * installation on this very Node. Throws `configuration` where there is none.
 */
export function agentCommand(env: NodeJS.ProcessEnv): {
  readonly file: string;
  readonly args: readonly string[];
} {
  const given = env['QFLEET_AGENT'];
  if (given) return { file: given, args: [] };
  const script = fileURLToPath(new URL('../../../agent/src/cli/qfleet-agent.cjs', import.meta.url));
  if (existsSync(script)) return { file: process.execPath, args: [script] };
  throw new QfleetError('configuration', `There is no agent at ${script}.`, {
    hint: 'Name the program in QFLEET_AGENT.',
  });
}
