import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isProcessAlive } from './is-process-alive.ts';
import { readProcessStat } from './read-process-stat.ts';

/** How often is looked whether it still lives, milliseconds. */
const intervalMs = 500;

/** npm puts a shell between itself and the program; more than so many generations up is somebody else's npm. */
const maxGenerations = 4;

/**
 * Calls back once when the process that this one belongs to has ended, however it ended: the one named in
 * `QFLEET_PARENT_PID` (0: none), else the npm or npx that started this one. npm hands a signal to the shell that it
 * starts, and that dies of it alone; the program would go on without anybody who knows of it. Watching keeps no process
 * alive.
 */
export function whenParentEnds(env: NodeJS.ProcessEnv, callback: () => void): void {
  const named = env['QFLEET_PARENT_PID'];
  const pid = named === undefined ? findNpm(env) : Number(named);
  if (pid === undefined || !Number.isInteger(pid) || pid <= 0) return;
  const timer = setInterval(() => {
    if (isProcessAlive(pid)) return;
    clearInterval(timer);
    callback();
  }, intervalMs);
  timer.unref();
}

/** The nearest npm above this process, where npm says that it started it. */
function findNpm(env: NodeJS.ProcessEnv): number | undefined {
  if (env['npm_execpath'] === undefined && env['npm_command'] === undefined) return undefined;
  let pid = process.ppid;
  for (let generation = 0; generation < maxGenerations && pid > 1; generation++) {
    const found = lookAt(pid);
    if (!found) return undefined;
    if (/(^|[\s/])(npm|npx|pnpm|yarn)(-cli\.js)?(\s|$)/.test(found.command)) return pid;
    pid = found.parent;
  }
  return undefined;
}

interface Looked {
  readonly command: string;
  readonly parent: number;
}

/** Command line and parent of a process; npm shows what it does as its command line. */
function lookAt(pid: number): Looked | undefined {
  try {
    if (process.platform !== 'linux') return askPs(pid);
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { command, parent: Number(readProcessStat(pid)[1]) };
  } catch {
    return undefined;
  }
}

function askPs(pid: number): Looked | undefined {
  const line = execFileSync('ps', ['-o', 'ppid=,command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  const [, parent, command] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
  return parent === undefined ? undefined : { command: command ?? '', parent: Number(parent) };
}
