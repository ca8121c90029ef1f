import { asksForJson, errorAsJson } from '@qfleet/shared/error-as-json.ts';
import { errorTable, QfleetError } from '@qfleet/shared/errors.ts';
import { guardTerminal } from '@qfleet/shared/terminal/guard-terminal.ts';
import { CommanderError } from 'commander';
import { createProgram } from './create-program.ts';

/** Runs one command line and sets the exit code: 0 ok, 1 failed, 2 usage, 75 try later, 78 configuration. */
export async function runCli(args: readonly string[]): Promise<void> {
  guardTerminal(process.stdout);
  guardTerminal(process.stderr);
  try {
    await createProgram().parseAsync([...args], { from: 'user' });
  } catch (thrown) {
    process.exitCode = asksForJson(args) ? explainAsJson(thrown) : explain(thrown);
  }
}

/** Says what went wrong in a line or two; gives the exit code. */
function explain(thrown: unknown): number {
  // commander has said it already.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : errorTable.usage.exit;
  const error = QfleetError.from(thrown);
  process.stderr.write(`qfleet-agent: ${error.message}\n`);
  if (error.hint) process.stderr.write(`  ${error.hint}\n`);
  if (process.env['QFLEET_DEBUG'] && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  return errorTable[error.code].exit;
}

/** The same for programs. */
function explainAsJson(thrown: unknown): number {
  if (thrown instanceof CommanderError) return explain(thrown);
  const error = QfleetError.from(thrown);
  process.stderr.write(errorAsJson(error));
  return errorTable[error.code].exit;
}
