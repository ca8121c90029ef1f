import { QfleetError } from '@qfleet/shared/errors.ts';
import type { CliContext } from '../cli-context.ts';

/** Writes what a command that changes something gives: a line for people and shells, or with `-o json` all of it. */
export function printAnswer(
  context: CliContext,
  { output }: { readonly output?: string },
  value: unknown,
  line?: string,
): void {
  if (parseAnswerFormat(output) === 'json') context.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  else if (line !== undefined) context.stdout.write(`${line}\n`);
}

/** Checks `-o` of a command that changes something, before it does; throws `usage`. */
export function parseAnswerFormat(output = 'text'): 'text' | 'json' {
  if (output === 'text' || output === 'json') return output;
  throw new QfleetError('usage', `Expected -o text or json, got "${output}".`);
}
