import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface AgentOrder {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where its log lines go. */
  readonly logPath: string;
}

/** An agent told to stop gets this long to leave before it is killed, milliseconds. */
const graceMs = 8000;

/**
 * An agent as a child of this process. It leaves with us whatever happens: its standard input is our pipe, and
 * `QFLEET_EXIT_WITH_STDIN` makes it leave when that closes, also where we are killed.
 */
export class AgentProcess implements AsyncDisposable {
  readonly name: string;
  readonly logPath: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor({ name, file, args, env, logPath }: AgentOrder) {
    this.name = name;
    this.logPath = logPath;
    const log = openSync(logPath, 'w');
    this.#child = spawn(file, args, {
      stdio: ['pipe', log, log],
      env: { ...env, QFLEET_EXIT_WITH_STDIN: '1', ORT_DISABLE_TELEMETRY: '1' },
    });
    closeSync(log);
    this.#ended = Promise.race([once(this.#child, 'exit'), once(this.#child, 'error')]).then(
      () => undefined,
      () => undefined,
    );
  }

  /** Whether it runs. */
  get isAlive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last lines of its log, for people. */
  async lastWords(): Promise<string> {
    const text = await readFile(this.logPath, 'utf8').catch(() => '');
    return text.trimEnd().split('\n').slice(-5).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.destroy();
    if (!this.isAlive) return;
    this.#child.kill('SIGTERM');
    const patience = new AbortController();
    const late = sleep(graceMs, 'late', { signal: patience.signal }).catch(() => 'ended');
    if ((await Promise.race([this.#ended, late])) === 'late') this.#child.kill('SIGKILL');
    patience.abort();
    await this.#ended;
  }
}
