import { type ChildProcess, fork } from 'node:child_process';
import { confineCommand } from '@qfleet/shared/child/confine-command.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ChildMessage, ProbeOutcome, ProbeTask } from './probe-task.ts';

export interface RunInChildOptions {
  /** After this time the child is killed. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (fraction: number) => void;
}

/** The outcome of a task of this kind. */
export type OutcomeOf<T extends ProbeTask> = Extract<ProbeOutcome, { kind: T['kind'] }>;

/**
 * Runs one probe task in a child process of its own. Throws `cancelled` on the signal, `timeout` after the limit,
 * `crashed` where the child died, `internal` where it failed; the child is gone by then.
 */
export async function runInChild<T extends ProbeTask>(
  task: T,
  options: RunInChildOptions,
): Promise<OutcomeOf<T>> {
  if (options.signal.aborted) throw cancelled();
  const [execPath, ...execArgv] = confineCommand([process.execPath, ...nodeArguments]);
  const child = fork(new URL('./child.ts', import.meta.url), {
    execPath,
    execArgv,
    stdio: ['ignore', 2, 2, 'ipc'],
    // Before the library loads, which would start an uploader otherwise.
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  const stopWatching = watch(child, options);
  try {
    return (await askChild(child, task, options.onProgress)) as OutcomeOf<T>;
  } catch (thrown) {
    throw stopWatching.reason() ?? thrown;
  } finally {
    stopWatching();
    child.kill('SIGKILL');
  }
}

/** V8's baseline compiler is left out: the first passes would time its code, not the optimised loops. */
const nodeArguments = ['--no-liftoff'];

function askChild(
  child: ChildProcess,
  task: ProbeTask,
  onProgress: (fraction: number) => void,
): Promise<ProbeOutcome> {
  return new Promise((resolve, reject) => {
    let outcome: ProbeOutcome | undefined;
    let failure: QfleetError | undefined;
    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'progress') onProgress(message.fraction);
      else if (message.kind === 'outcome') outcome = message.outcome;
      else failure = new QfleetError('internal', message.message);
    });
    child.once('error', (error) => reject(QfleetError.from(error)));
    child.once('exit', (code, signal) => {
      if (outcome) resolve(outcome);
      else
        reject(
          failure ??
            new QfleetError('crashed', `The probe's process ended with ${signal ?? `code ${code}`}.`),
        );
    });
    child.send(task, (error) => error && reject(QfleetError.from(error)));
  });
}

interface Watch {
  (): void;
  /** Why the child was killed; undefined where it was not. */
  reason(): QfleetError | undefined;
}

function watch(child: ChildProcess, options: RunInChildOptions): Watch {
  let reason: QfleetError | undefined;
  const kill = (error: QfleetError): void => {
    reason = error;
    child.kill('SIGKILL');
  };
  const onAbort = (): void => kill(cancelled());
  const seconds = options.limitMs / 1000;
  const timer = setTimeout(
    () => kill(new QfleetError('timeout', `The probe took more than its ${seconds} s and was stopped.`)),
    options.limitMs,
  );
  options.signal.addEventListener('abort', onAbort);
  const stop = (): void => {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', onAbort);
  };
  return Object.assign(stop, { reason: () => reason });
}

function cancelled(): QfleetError {
  return new QfleetError('cancelled', 'The probe was cancelled.');
}
