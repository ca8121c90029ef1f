import { readFile } from 'node:fs/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type AgentStatus, agentStatusSchema } from './agent-status.ts';
import { statusPath } from './status-file.ts';

/** The last status that the agent of a state folder wrote; throws `not-found`. */
export async function readStatus(stateFolder: string): Promise<AgentStatus> {
  try {
    return agentStatusSchema.parse(JSON.parse(await readFile(statusPath(stateFolder), 'utf8')));
  } catch (cause) {
    throw new QfleetError('not-found', `There is no status of an agent in ${stateFolder}.`, {
      hint: 'Start the agent with ./qfleet-agent run, or pass its --state folder.',
      cause,
    });
  }
}
