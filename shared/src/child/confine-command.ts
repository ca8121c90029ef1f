import { existsSync } from 'node:fs';

/** What a child process may use. Absent: no limit of ours; a limit that is lower already stays. */
export interface ChildLimits {
  /** Private writable memory, bytes (RLIMIT_DATA, Linux): unlike RLIMIT_AS it leaves out address space that V8 merely reserves. */
  readonly memoryBytes?: number | undefined;
  /** Size of any file that it writes, bytes (RLIMIT_FSIZE). */
  readonly fileBytes?: number | undefined;
  /** Processor time of all its threads, seconds (RLIMIT_CPU): it ends with SIGXCPU. */
  readonly cpuSeconds?: number | undefined;
}

/** Set to 1 in a child that the kernel ends when its parent dies. */
export const endsWithParentVariable = 'QFLEET_ENDS_WITH_PARENT';

/** A process that catches SIGXCPU is killed after so many seconds more. */
const cpuGraceSeconds = 30;

const shell = '/bin/sh';

/**
 * A command that runs another one under limits and never longer than the process that starts it. The shell sets the
 * limits, writes no core, and makes the kernel end this process first when memory runs out (oom_score_adj); then
 * setpriv (util-linux) sets the parent-death signal and no_new_privs, and the command takes the process over, with its
 * pid and its IPC channel. Each part that the system does not have is left out: where there is no parent-death signal,
 * `endsWithParentVariable` is not set, and the child has to watch its parent by itself. The signal comes when the
 * starting thread dies, so a main thread has to start it. Costs two to three milliseconds on x64.
 */
export function confineCommand(command: readonly string[], limits: ChildLimits = {}): [string, ...string[]] {
  if (!existsSync(shell)) return [...command] as [string, ...string[]];
  return [shell, '-c', [...limitLines(limits), ...commonLines].join('\n'), ...command];
}

/** `ulimit` fails where the limit is lower already, which is as good. Blocks of `-f` have 512 bytes in POSIX. */
function limitLines({ memoryBytes, fileBytes, cpuSeconds }: ChildLimits): string[] {
  const lines = ['ulimit -c 0'];
  if (memoryBytes !== undefined) lines.push(`ulimit -d ${Math.ceil(memoryBytes / 1024)}`);
  if (fileBytes !== undefined) lines.push(`ulimit -f ${Math.ceil(fileBytes / 512)}`);
  if (cpuSeconds !== undefined) {
    const seconds = Math.max(1, Math.ceil(cpuSeconds));
    lines.push(`ulimit -S -t ${seconds}`, `ulimit -H -t ${seconds + cpuGraceSeconds}`);
  }
  return lines.map((line) => `${line} 2>/dev/null`);
}

const setpriv = 'setpriv --pdeathsig KILL --no-new-privs';
const commonLines = [
  // In a shell of its own, since a redirection that fails would end this one.
  '(echo 1000 >/proc/$$/oom_score_adj) 2>/dev/null',
  `unset ${endsWithParentVariable}`,
  // Tried first: an old or another setpriv does not know the option.
  `if ${setpriv} true 2>/dev/null; then`,
  `export ${endsWithParentVariable}=1`,
  `exec ${setpriv} "$0" "$@"`,
  'fi',
  'exec "$0" "$@"',
];
