import type { Failure } from '@qfleet/shared/result/job-result.ts';

export interface RunnerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote to standard error. */
  readonly errorText: string;
}

/**
 * Why a runner died without a word. SIGKILL that we did not send is the kernel's doing when memory runs out;
 * V8 and allocators say so on standard error before they abort.
 */
export function describeExit({ code, signal, errorText }: RunnerExit): Failure {
  if (/out of memory|bad_alloc|cannot allocate memory/i.test(errorText)) {
    return {
      class: 'oom',
      message: `The runner ran out of memory (${exitName(code, signal)}).`,
      hint: memoryHint,
    };
  }
  if (signal === 'SIGKILL' || code === 137) {
    return {
      class: 'oom',
      message: 'The runner was killed (SIGKILL), most likely for lack of memory.',
      hint: memoryHint,
    };
  }
  const said = lastLine(errorText);
  return {
    class: 'crashed',
    message: `${exitName(code, signal)} ended the runner${said ? `; it said: ${said}` : '.'}`,
    hint: 'Try another backend, or the same variant on another device; `dmesg` may say more.',
  };
}

const memoryHint = 'Use a smaller model or batch, or free memory on the device.';

function exitName(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ?? signalOfShellCode(code) ?? `exit code ${code}`;
}

/** Launchers such as taskset's shell or an emulator pass a signal on as 128 + its number. */
function signalOfShellCode(code: number | null): string | undefined {
  const names: Readonly<Record<number, string>> = {
    132: 'SIGILL',
    134: 'SIGABRT',
    136: 'SIGFPE',
    139: 'SIGSEGV',
  };
  return code === null ? undefined : names[code];
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
}
