import { createInterface } from 'node:readline/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { CliContext } from './cli-context.ts';

/**
 * Asks on the terminal before something that cannot be taken back. Throws `usage` where there is no terminal to ask on
 * and `--yes` was not given, `cancelled` where the answer is no.
 */
export async function confirm(
  context: CliContext,
  { question, yes }: { readonly question: string; readonly yes: boolean | undefined },
): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !context.stderr.isTTY) {
    throw new QfleetError('usage', question, { hint: 'There is no terminal to ask on: say --yes.' });
  }
  const terminal = createInterface({ input: process.stdin, output: context.stderr });
  try {
    const answer = await terminal.question(`${question} Go on? [y/N] `, { signal: context.signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    terminal.close();
  }
  throw new QfleetError('cancelled', 'Nothing was changed.');
}
