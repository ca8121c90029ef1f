import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorTable, QfleetError } from '@qfleet/shared/errors.ts';
import { readOperatorFile } from '../main/operator-file.ts';
import { openDataFolder } from '../store/open-data-folder.ts';
import type { CliContext } from './cli-context.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
/** A link that somebody planted there is not followed. */
const logFlags = O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY;

const intervalMs = 100;

/** Lines of its log that say why a coordinator did not start. */
const lastLines = 10;

/** Where a coordinator in the background writes what it has to say. */
export function logPathOf(dataDir: string): string {
  return join(dataDir, 'coordinator.log');
}

/**
 * Runs this very program with other arguments in a session of its own, its output in `coordinator.log` of the data
 * folder, and returns when the coordinator answers there. Throws what it ended with where it does not start; a signal
 * ends it while it is starting.
 */
export async function startDetached(
  context: CliContext,
  { dataDir, args }: { readonly dataDir: string; readonly args: readonly string[] },
): Promise<void> {
  openDataFolder(dataDir);
  const logPath = logPathOf(dataDir);
  const log = openSync(logPath, logFlags, 0o600);
  const earlierBytes = fstatSync(log).size;
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] as string, ...args], {
    cwd: context.cwd,
    detached: true,
    stdio: ['ignore', log, log],
    // It is to outlive whatever started us.
    env: { ...context.env, QFLEET_PARENT_PID: '0' },
  });
  closeSync(log);
  child.unref();
  const stop = (): void => void child.kill('SIGTERM');
  context.signal.addEventListener('abort', stop);
  try {
    while (child.exitCode === null && child.signalCode === null) {
      const operator = await readOperatorFile(dataDir);
      if (operator?.pid === child.pid) return;
      await sleep(intervalMs);
    }
  } finally {
    context.signal.removeEventListener('abort', stop);
  }
  const said = (await readFile(logPath)).subarray(earlierBytes).toString('utf8').trimEnd();
  const words = said
    .replaceAll(/^qfleet: /gm, '')
    .split('\n')
    .slice(-lastLines)
    .join('\n');
  const code = child.exitCode === errorTable.configuration.exit ? 'configuration' : 'failed-precondition';
  throw new QfleetError(code, `The coordinator did not start:\n${words}`, { hint: `Its log: ${logPath}` });
}
