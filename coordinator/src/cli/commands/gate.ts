import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Command } from 'commander';
import { runComparisonsSchema } from '../../analysis/compare-runs.ts';
import { describeIssues } from '../../api/parse-input.ts';
import { formatJunit, formatSummary } from '../../gate/format-gate.ts';
import { type Check, judgeGate } from '../../gate/judge-gate.ts';
import { type Policy, policySchema } from '../../gate/policy.ts';
import { reportSchema } from '../../report/report.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { readYaml } from '../read-yaml.ts';
import { withExample, withOutput } from '../with-options.ts';

interface GateOptions extends GlobalOptions {
  readonly output: string;
  readonly policy: string;
  readonly base?: string;
  readonly junit?: string;
  readonly summary?: string;
}

/** `qfleet gate`: a policy over a report that ends in an exit code. */
export function addGateCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('gate [run]')
      .description('hold a run against a policy: exit 0 where it keeps it, 6 where not (default: latest)')
      .requiredOption(
        '--policy <file>',
        'YAML or JSON: maxAccuracyLoss, maxOwnFlips, minIntegerShare, timing, …',
      )
      .option('--base <run>', 'an earlier run, for the policy’s regression limits')
      .option('--junit <file>', 'write the checks there as JUnit XML')
      .option('--summary <file>', 'write them there as Markdown'),
  ).action(async (run = 'latest') => {
    const options = command.optsWithGlobals<GateOptions>();
    const format = parseFormat(options.output);
    const policy = await readPolicy(context, options);
    const client = await connectToCoordinator(context, options);
    const path = `/v1/runs/${encodeURIComponent(run)}`;
    const report = reportSchema.parse(JSON.parse(await client.getText(`${path}/report?format=json`)));
    const base = options.base;
    const compared =
      base === undefined
        ? undefined
        : await client.get(`${path}/compare?base=${encodeURIComponent(base)}`, runComparisonsSchema);
    const checks = judgeGate(policy, report, compared?.rows, compared?.leftOut);
    const name = report.run.name || report.run.id;
    if (options.junit) await writeFile(resolve(context.cwd, options.junit), formatJunit(checks, name));
    if (options.summary) await writeFile(resolve(context.cwd, options.summary), formatSummary(checks, name));
    printRows(context, format, columns, checks);
    conclude(context, checks);
  });
  withExample(command, './qfleet gate latest --policy policy.yaml --base nightly --junit gate.xml');
}

async function readPolicy(
  context: CliContext,
  { policy: file, base }: Pick<GateOptions, 'policy' | 'base'>,
): Promise<Policy> {
  const parsed = policySchema.safeParse(await readYaml(context, file));
  if (!parsed.success) {
    throw new QfleetError(
      'usage',
      `The policy in ${file} is not as expected: ${describeIssues(parsed.error)}`,
    );
  }
  if (parsed.data.regression && base === undefined) {
    throw new QfleetError('usage', 'The policy limits regressions, and there is no run to compare with.', {
      hint: 'Name one: --base RUN',
    });
  }
  return parsed.data;
}

function conclude(context: CliContext, checks: readonly Check[]): void {
  const count = (outcome: Check['outcome']): number =>
    checks.filter((check) => check.outcome === outcome).length;
  if (checks.length === count('skipped')) {
    throw new QfleetError('gate-not-met', 'Nothing could be checked.', {
      hint: 'The policy asks for nothing that the run can tell; see its report.',
    });
  }
  if (count('failed') > 0) {
    throw new QfleetError('gate-not-met', `${count('failed')} of ${checks.length} checks failed.`);
  }
  say(context, `${count('passed')} checks passed, ${count('skipped')} could not be made.`);
}

const columns: Column<Check>[] = [
  { title: 'outcome', cell: ({ outcome }) => outcome },
  { title: 'rule', cell: ({ rule }) => rule },
  { title: 'of', cell: ({ subject }) => subject },
  { title: 'found', cell: ({ detail }) => detail },
];
