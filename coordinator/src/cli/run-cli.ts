import { Writable } from 'node:stream';
import { asksForJson, errorAsJson } from '@qfleet/shared/error-as-json.ts';
import { errorTable, QfleetError } from '@qfleet/shared/errors.ts';
import { whenParentEnds } from '@qfleet/shared/process/when-parent-ends.ts';
import { guardTerminal } from '@qfleet/shared/terminal/guard-terminal.ts';
import { CommanderError } from 'commander';
import type { CliContext } from './cli-context.ts';
import { createProgram } from './program.ts';

/**
 * Runs one command line in this process and sets the exit code: 0 ok, 1 failed, 2 usage, 3 no coordinator, 4 not
 * allowed, 5 some devices failed, 75 try later, 78 configuration, 130 interrupted. Ctrl-C, SIGTERM and the end of the
 * npm that started us abort the command's signal, so that it cleans up; a second one ends the process.
 */
export async function runCli(args: readonly string[]): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stop.abort(new QfleetError('cancelled', `Stopped by ${name}.`)));
  }
  whenParentEnds(process.env, () =>
    stop.abort(new QfleetError('cancelled', 'Stopped: the process that started this one has ended.')),
  );
  guardTerminal(process.stdout);
  guardTerminal(process.stderr);
  process.stdout.on('error', endOnClosedPipe);
  const isJson = asksForJson(args);
  const context: CliContext = {
    stdout: process.stdout,
    // A program that reads JSON reads the failure as JSON too: nothing else is said.
    stderr: isJson ? createSilence() : process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: stop.signal,
  };
  try {
    await createProgram(context).parseAsync([...args], { from: 'user' });
  } catch (thrown) {
    process.exitCode = isJson ? explainAsJson(thrown, context) : explain(thrown, context);
  }
}

/** Says what went wrong in a line or two and gives the exit code. */
function explain(thrown: unknown, { stderr, env, signal }: CliContext): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : errorTable.usage.exit;
  const error = QfleetError.from(thrown);
  if (isStop(error, signal)) {
    stderr.write('qfleet: stopped.\n');
    return interruptedExit;
  }
  stderr.write(`qfleet: ${error.message}\n`);
  if (error.hint) stderr.write(`  ${error.hint}\n`);
  if (env['QFLEET_DEBUG'] && thrown instanceof Error) stderr.write(`${thrown.stack}\n`);
  return exitOf(error, signal);
}

/** The same for programs, on standard error; standard output may hold data already. */
function explainAsJson(thrown: unknown, { signal }: CliContext): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
  const error =
    thrown instanceof CommanderError
      ? new QfleetError('usage', thrown.message.replace(/^error: /, ''))
      : QfleetError.from(thrown);
  const said = isStop(error, signal) ? new QfleetError('cancelled', 'Stopped.') : error;
  process.stderr.write(errorAsJson(said));
  return exitOf(said, signal);
}

const interruptedExit = 130;

function exitOf({ code }: QfleetError, signal: AbortSignal): number {
  return signal.aborted && code === 'cancelled' ? interruptedExit : errorTable[code].exit;
}

/** Whether the command ended by the signal alone. What has more to say of it (what goes on without us) says that. */
function isStop(error: QfleetError, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  return error.code === 'internal' || (error.code === 'cancelled' && error.hint === undefined);
}

/** A stream that says nothing; no terminal. */
function createSilence(): NodeJS.WriteStream {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  return Object.assign(silence, { isTTY: false }) as unknown as NodeJS.WriteStream;
}

/** `qfleet … | head` closes our output early; that is no failure. */
function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
