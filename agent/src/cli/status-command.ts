import { QfleetError } from '@qfleet/shared/errors.ts';
import { resolveConfig } from '../config/resolve-config.ts';
import type { AgentStatus } from '../status/agent-status.ts';
import { readStatus } from '../status/read-status.ts';

export interface StatusOptions {
  readonly state?: string;
  readonly identity?: string;
  readonly output: 'table' | 'json';
}

/** `qfleet-agent status`: what the agent last said of itself, and whether it still runs. */
export async function statusCommand(options: StatusOptions): Promise<void> {
  const status = await readStatus(await findState(options));
  const running = isRunning(status.pid);
  const text =
    options.output === 'json'
      ? JSON.stringify({ ...status, running }, null, 2)
      : formatStatus(status, running);
  process.stdout.write(`${text}\n`);
}

async function findState({ state, identity }: StatusOptions): Promise<string> {
  const given = state ?? process.env['QFLEET_AGENT_STATE'];
  if (given) return given;
  const folder = identity ?? process.env['QFLEET_AGENT_IDENTITY'];
  if (!folder) {
    throw new QfleetError('configuration', 'It is not known which agent is meant.', {
      hint: 'Pass --identity DIR or --state DIR as for ./qfleet-agent run.',
    });
  }
  // Its configuration may name another state folder; the coordinator's address does not matter here.
  const config = await resolveConfig({ identity: folder, coordinator: 'none:0' }, process.env);
  return config.stateFolder;
}

/** Lines for a terminal. */
export function formatStatus(status: AgentStatus, running: boolean): string {
  const { job, spool, cache, backends, isolation = [], lastError } = status;
  const at = (unixMs: number): string => new Date(unixMs).toISOString();
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const percent = job ? ` (${Math.round(job.fraction * 100)} %)` : '';
  return [
    `agent     ${running ? `running, process ${status.pid}` : 'not running'}, version ${status.agentVersion}`,
    `device    ${status.deviceId}`,
    `link      ${running && status.connected ? 'connected to' : 'not connected to'} ${status.coordinator}`,
    `job       ${job ? `${job.kind} ${job.id}: ${job.step}${percent}` : 'none'}`,
    `unsent    ${spool.results} results, ${megabytes(spool.bytes)}`,
    `cache     ${megabytes(cache.bytes)} of ${megabytes(cache.quotaBytes)}`,
    ...backends.map(
      ({ id, available, version, reason }) =>
        `backend   ${id}: ${available ? version : `unavailable: ${reason}`}`,
    ),
    ...isolation.map((line) => `runners   ${line}`),
    ...(lastError ? [`problem   ${at(lastError.atUnixMs)}: ${lastError.message}`] : []),
    `as of     ${at(status.updatedAtUnixMs)}`,
  ].join('\n');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
