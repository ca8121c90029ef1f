import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import type { Command } from 'commander';
import { type LeftOut, type RunComparison, runComparisonsSchema } from '../../analysis/compare-runs.ts';
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
    const { rows, leftOut } = await client.get(path, runComparisonsSchema);
    printRows(context, format, columns, rows);
    for (const line of describeLeftOut(leftOut, { run, base })) say(context, line);
    requireCompared(rows, { run, base });
  });
  withExample(command, './qfleet compare latest nightly');
}

function describeLeftOut(
  leftOut: readonly LeftOut[],
  names: { readonly run: string; readonly base: string },
): string[] {
  return leftOut.map(
    ({ variant, deviceName, backend, scenario, isOf, reason }) =>
      `Left out: ${variant} on ${deviceName}, ${backend}, ${scenario}: only ${names[isOf]} has it (${reason}).`,
  );
}

/** Throws `failed-precondition` where no figure of one run has one of the other to be compared with. */
function requireCompared(
  rows: readonly RunComparison[],
  { run, base }: { readonly run: string; readonly base: string },
): void {
  const isCompared = ({ latencyRatio, accuracyLoss }: RunComparison): boolean =>
    [latencyRatio, accuracyLoss].some(({ status }) => status !== 'unavailable');
  if (rows.some(isCompared)) return;
  const reasons = rows.flatMap(({ latencyRatio, accuracyLoss }) =>
    [latencyRatio, accuracyLoss].flatMap((reading) => ('reason' in reading ? [reading.reason] : [])),
  );
  const why = [...new Set(reasons)].slice(0, 3).join('; ') || 'they share no device, variant and scenario';
  throw new QfleetError('failed-precondition', `Nothing of ${run} is comparable with ${base}: ${why}.`, {
    hint: 'Compare runs of the same variants on the same devices, under the same scenario and settings.',
  });
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
