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
  const context: CliContext = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: stop.signal,
  };
  try {
    await createProgram(context).parseAsync([...args], { from: 'user' });
  } catch (thrown) {
    process.exitCode = explain(thrown, context);
  }
}

/** Says what went wrong in a line or two and gives the exit code. */
function explain(thrown: unknown, { stderr, env, signal }: CliContext): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : errorTable.usage.exit;
  const error = QfleetError.from(thrown);
  if (signal.aborted && ['cancelled', 'internal'].includes(error.code)) {
    stderr.write('qfleet: stopped.\n');
    return 130;
  }
  stderr.write(`qfleet: ${error.message}\n`);
  if (error.hint) stderr.write(`  ${error.hint}\n`);
  if (env['QFLEET_DEBUG'] && thrown instanceof Error) stderr.write(`${thrown.stack}\n`);
  return errorTable[error.code].exit;
}

/** `qfleet … | head` closes our output early; that is no failure. */
function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
