import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentStatus } from './agent-status.ts';

/** Where the agent of a state folder writes its status. */
export function statusPath(stateFolder: string): string {
  return join(stateFolder, 'status.json');
}

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
