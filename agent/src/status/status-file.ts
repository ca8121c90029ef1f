import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';

/** What the agent says of itself in `status.json` of its state folder, schema `qfleet.agent-status/1`. */
export const agentStatusSchema = z.object({
  schema: z.literal('qfleet.agent-status/1'),
  pid: z.number().int(),
  agentVersion: z.string(),
  deviceId: z.string(),
  coordinator: z.string(),
  connected: z.boolean(),
  /** Absent when there is none. */
  job: z.object({ id: z.string(), kind: z.string(), step: z.string(), fraction: z.number() }).optional(),
  spool: z.object({ results: z.number().int(), bytes: z.number() }),
  cache: z.object({ bytes: z.number(), quotaBytes: z.number() }),
  backends: z.array(
    z.object({ id: z.string(), available: z.boolean(), version: z.string(), reason: z.string() }),
  ),
  lastError: z.object({ atUnixMs: z.number(), message: z.string() }).optional(),
  updatedAtUnixMs: z.number(),
});
export type AgentStatus = z.infer<typeof agentStatusSchema>;

/** Rewrites the file atomically; changes that come while one is written are written once, together. */
export class StatusFile {
  readonly #path: string;
  readonly #describe: () => AgentStatus;
  #writing: Promise<void> | undefined;
  #isStale = false;

  constructor(stateFolder: string, describe: () => AgentStatus) {
    this.#path = statusPath(stateFolder);
    this.#describe = describe;
  }

  update(): void {
    this.#isStale = true;
    // A status that cannot be written must not stop a measurement; a full disk is told elsewhere.
    this.#writing ??= this.#write()
      .catch(() => undefined)
      .finally(() => {
        this.#writing = undefined;
        if (this.#isStale) this.update();
      });
  }

  /** Resolves when what was last reported is on the disk. */
  async flush(): Promise<void> {
    this.update();
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      await writeFile(`${this.#path}.unfinished`, `${JSON.stringify(this.#describe(), null, 2)}\n`);
      await rename(`${this.#path}.unfinished`, this.#path);
    }
  }
}

/** The last status that the agent of a state folder wrote; throws `not-found`. */
export async function readStatus(stateFolder: string): Promise<AgentStatus> {
  try {
    return agentStatusSchema.parse(JSON.parse(await readFile(statusPath(stateFolder), 'utf8')));
  } catch (cause) {
    throw new QfleetError('not-found', `There is no status of an agent in ${stateFolder}.`, {
      hint: 'Start the agent with qfleet-agent run, or pass its --state folder.',
      cause,
    });
  }
}

function statusPath(stateFolder: string): string {
  return join(stateFolder, 'status.json');
}
