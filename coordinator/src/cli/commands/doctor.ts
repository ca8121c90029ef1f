import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Command } from 'commander';
import { resolveDataDir } from '../../main/resolve-data-dir.ts';
import { type CliContext, type GlobalOptions, hasColor, say } from '../cli-context.ts';
import type { Finding } from '../doctor/check.ts';
import { checks } from '../doctor/checks.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { withExample, withOutput } from '../with-options.ts';

interface DoctorOptions extends GlobalOptions {
  readonly output: string;
}

/** `qfleet doctor`: looks at this machine and says what to mend. Exit 1 where something failed. */
export function addDoctorCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program.command('doctor').description('look at this machine and say what to mend'),
  ).action(async () => {
    const options = command.optsWithGlobals<DoctorOptions>();
    const format = parseFormat(options.output);
    const dataDir = resolveDataDir({ flag: options.data, env: context.env, cwd: context.cwd });
    const findings: Finding[] = [];
    for (const check of checks) findings.push(await check({ dataDir, context }));
    printRows(context, format, columns, findings);
    if (format === 'table') tellFixes(context, findings);
    const failed = findings.filter(({ state }) => state === 'failed');
    if (failed.length > 0) {
      throw new QfleetError('failed-precondition', `${failed.length} of ${findings.length} checks failed.`);
    }
  });
  withExample(command, './qfleet doctor');
}

const columns: Column<Finding>[] = [
  { title: 'what', cell: ({ what }) => what },
  { title: 'state', cell: ({ state }) => state },
  { title: 'detail', cell: ({ detail }) => detail },
];

function tellFixes(context: CliContext, findings: readonly Finding[]): void {
  const bold = (text: string): string =>
    hasColor(context.stderr, context.env) ? `\u001b[1m${text}\u001b[0m` : text;
  for (const { what, fix } of findings) if (fix !== undefined) say(context, `${bold(what)}: ${fix}`);
}
