import type { Reading } from '@qfleet/shared/reading.ts';
import type { Command } from 'commander';
import type { RunComparison } from '../../analysis/compare-runs.ts';
import { runComparisonsSchema } from '../../api/routes/run-routes.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { withExample, withOutput } from '../with-options.ts';

interface CompareOptions extends GlobalOptions {
  readonly output: string;
}

/** `qfleet compare`: a run against an earlier one. */
export function addCompareCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('compare <run> <base>')
      .description('a run against an earlier one, cell by cell: latency ratio and accuracy, with intervals'),
  ).action(async (run: string, base: string) => {
    const options = command.optsWithGlobals<CompareOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const path = `/v1/runs/${encodeURIComponent(run)}/compare?base=${encodeURIComponent(base)}`;
    const { rows, unmatched } = await client.get(path, runComparisonsSchema);
    printRows(context, format, columns, rows);
    if (unmatched > 0) say(context, `${unmatched} cells have no counterpart in ${base}.`);
  });
  withExample(command, './qfleet compare latest nightly');
}

const columns: Column<RunComparison>[] = [
  { title: 'device', cell: ({ deviceName }) => deviceName },
  { title: 'backend', cell: ({ backend }) => backend },
  { title: 'variant', cell: ({ variant, sameFile }) => (sameFile ? variant : `${variant} (another file)`) },
  { title: 'scenario', cell: ({ scenario }) => scenario },
  {
    title: 'latency, new / old',
    align: 'right',
    cell: ({ latencyRatio }) => withInterval(latencyRatio, 3),
    raw: ({ latencyRatio }) => (latencyRatio.status === 'unavailable' ? undefined : latencyRatio.value),
  },
  {
    title: 'it is',
    cell: ({ speed, isTrusted }) => `${speed ?? '–'}${speed && !isTrusted ? ' (not trusted)' : ''}`,
  },
  {
    title: 'accuracy lost, points',
    align: 'right',
    cell: ({ accuracyLoss }) => withInterval(accuracyLoss, 2),
    raw: ({ accuracyLoss }) => (accuracyLoss.status === 'unavailable' ? undefined : accuracyLoss.value),
  },
];

function withInterval(reading: Reading, decimals: number): string {
  if (reading.status === 'unavailable') return `– (${reading.reason.split(':')[0]})`;
  const { value, interval } = reading;
  const range = interval ? ` [${interval.low.toFixed(decimals)}, ${interval.high.toFixed(decimals)}]` : '';
  return `${value.toFixed(decimals)}${range}`;
}
