import type { ChildLimits } from '@qfleet/shared/child/confine-command.ts';
import type { Failure } from '@qfleet/shared/result/job-result.ts';
import { attributeToLimits, memoryHint } from './attribute-to-limits.ts';

export interface RunnerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote to standard error. */
  readonly errorText: string;
  readonly limits: ChildLimits;
  /** Whether the kernel killed a process for lack of memory meanwhile; undefined where it does not count. */
  readonly sawOomKill: boolean | undefined;
}

/** What people and service managers send; a kernel has other reasons. */
const sentSignals = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];

/**
 * Why a runner died without a word: by what it said before (V8 and allocators name lack of memory), by a limit of ours,
 * by the kernel for lack of memory where the kernel counted one such kill, else by whoever sent the signal.
 */
export function describeExit({ code, signal, errorText, limits, sawOomKill }: RunnerExit): Failure {
  const name = exitName(code, signal);
  if (/out of memory|bad_alloc|cannot allocate memory/i.test(errorText)) {
    const message = `The runner ran out of memory (${name}): ${lastLine(errorText)}`;
    return attributeToLimits({ class: 'oom', message, hint: memoryHint }, limits);
  }
  if (name === 'SIGXCPU') {
    return {
      class: 'time-limit',
      message: `The runner used up its ${limits.cpuSeconds} s of processor time.`,
      hint: 'The model may loop, or the run asks for more than fits into its time limit.',
    };
  }
  if (name === 'SIGXFSZ') return attributeToLimits({ class: 'file-limit', message: 'EFBIG' }, limits);
  if (name === 'SIGKILL' && sawOomKill) {
    return {
      class: 'oom',
      message: 'The kernel killed the runner because the device’s memory ran out.',
      hint: memoryHint,
    };
  }
  if (sentSignals.includes(name)) {
    const uncounted = sawOomKill === undefined && name === 'SIGKILL';
    return {
      class: 'killed',
      message: uncounted
        ? 'The runner was killed (SIGKILL) by another process or by the kernel.'
        : `The runner was killed (${name}) by another process, not by the kernel for lack of memory.`,
      hint: 'See which user, service manager or out-of-memory daemon (earlyoom, systemd-oomd) ends processes on the device.',
    };
  }
  const said = lastLine(errorText);
  return {
    class: 'crashed',
    message: `${name} ended the runner${said ? `; it said: ${said}` : '.'}`,
    hint: 'Try another backend, or the same variant on another device; `dmesg` may say more.',
  };
}

function exitName(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ?? signalOfShellCode(code) ?? `exit code ${code}`;
}

/** Launchers such as taskset's shell or an emulator pass a signal on as 128 + its number. */
function signalOfShellCode(code: number | null): string | undefined {
  const names: Readonly<Record<number, string>> = {
    129: 'SIGHUP',
    130: 'SIGINT',
    131: 'SIGQUIT',
    132: 'SIGILL',
    134: 'SIGABRT',
    136: 'SIGFPE',
    137: 'SIGKILL',
    139: 'SIGSEGV',
    143: 'SIGTERM',
    152: 'SIGXCPU',
    153: 'SIGXFSZ',
  };
  return code === null ? undefined : names[code];
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
}
