import type { Command } from 'commander';
import * as z from 'zod';
import { deviceViewSchema } from '../../api/views/device-view.ts';
import {
  type JobView,
  type RunDetail,
  type RunView,
  runDetailSchema,
  runViewSchema,
} from '../../api/views/run-view.ts';
import { addRemoveCommand } from '../add-remove-command.ts';
import { type ApiClient, connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { followRun, requireCompleted } from '../follow-run.ts';
import { countOf, formatTime } from '../output/format-value.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { type PlanFlags, readPlan } from '../read-plan.ts';
import { withNewDevices } from '../with-new-devices.ts';
import { commaList, wholeNumber, withAnswer, withExample, withOutput } from '../with-options.ts';

interface RunOptions extends GlobalOptions {
  readonly output: string;
}

interface CreateOptions extends GlobalOptions, PlanFlags {
  readonly output: string;
  readonly wait?: boolean;
}

/** `qfleet run …`: executions of a plan. */
export function addRunCommands(program: Command, context: CliContext): void {
  const run = program.command('run').description('runs: create, list, show, watch, cancel, remove');
  withExample(run, './qfleet run create --model mnist-8 --wait');
  addCreate(run, context);
  addList(run, context);
  addShow(run, context);
  addWatch(run, context);
  addCancel(run, context);
  addRemoveCommand(run, context, {
    args: '<run>',
    what: 'a run with its results',
    example: './qfleet run rm latest',
    pathOf: (name) => `/v1/runs/${name}`,
  });
}

function addCreate(run: Command, context: CliContext): void {
  const command = withAnswer(run.command('create [plan]'))
    .description('turn a plan (a YAML file, flags, or both: flags win) into jobs and start them')
    .option('--model <name>', 'model to run')
    .option('--variants <names>', 'comma-separated; all by default', commaList)
    .option('--devices <names>', 'comma-separated; all that are connected by default', commaList)
    .option('--backends <ids>', 'comma-separated; all that a device offers by default', commaList)
    .option('--dataset <name>', 'evaluate accuracy and agreement on this dataset')
    .option('--limit <n>', 'first so many inputs; 0: all', wholeNumber(0))
    .option('--allow-overlap', 'evaluate although the variants were calibrated with some of the same items')
    .option('--threads <n>', 'threads in an operator; 0: one for each processor', wholeNumber(0))
    .option('--launches <n>', 'launches per variant', wholeNumber(1))
    .option('--duration <ms>', 'timed loop of a launch lasts at least so long', wholeNumber(0))
    .option(
      '--scenarios <names>',
      'comma-separated: single-stream, multi-stream, server, offline, fixed-rate',
      commaList,
    )
    .option('--preset <use>', 'the load of a use: camera, gateway, batch')
    .option('--profile <name>', 'how long a cell is timed: rapid, quick, full')
    .option(
      '--repeats <n>',
      'launch all again, so often at most, where timing cannot be trusted',
      wholeNumber(0),
    )
    .option('--sustained <minutes>', 'one more launch per variant without a pause', wholeNumber(0))
    .option('--no-counters', 'leave out the launch under hardware counters')
    .option('--no-probe', 'do not measure devices that were not probed of late')
    .option('--no-timing', 'evaluate only')
    .option('--name <name>', 'name of the run')
    .option('--wait', 'stay until it is done; exit 5 where some jobs failed')
    .action(async (plan: string | undefined) => {
      const options = command.optsWithGlobals<CreateOptions>();
      parseAnswerFormat(options.output);
      const order = await readPlan(context, plan, options);
      const client = await connectToCoordinator(context, options);
      const created = await withNewDevices(context, client, () =>
        client.post('/v1/runs', runDetailSchema, order),
      );
      tell(context, created, options);
      if (options.wait) return followToEnd(context, client, created.id, options);
      printAnswer(context, options, created);
      say(context, `Watch it with: ./qfleet run watch ${created.id}`);
    });
  withExample(command, './qfleet run create --model mnist-8 --dataset mnist-t10k --wait');
}

function addList(run: Command, context: CliContext): void {
  const command = withOutput(run.command('ls').description('list runs, newest first')).action(async () => {
    const options = command.optsWithGlobals<RunOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const { runs } = await client.get('/v1/runs', z.object({ runs: z.array(runViewSchema) }));
    printRows(context, format, runColumns, runs);
  });
  withExample(command, './qfleet run ls');
}

function addShow(run: Command, context: CliContext): void {
  const command = withOutput(
    run.command('show [run]').description('one run with its jobs (default: latest)'),
  ).action(async (id = 'latest') => {
    const options = command.optsWithGlobals<RunOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const found = await client.get(`/v1/runs/${encodeURIComponent(id)}`, runDetailSchema);
    if (format === 'json') return void context.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    const { devices } = await client.get('/v1/devices', z.object({ devices: z.array(deviceViewSchema) }));
    say(context, `${found.id} ${found.name} ${found.state} ${found.reason}`.replaceAll(/ +/g, ' ').trim());
    for (const note of found.notes) say(context, `  ${note}`);
    printRows(context, format, jobColumns(new Map(devices.map(({ id, name }) => [id, name]))), found.jobs);
  });
  withExample(command, './qfleet run show latest');
}

function addWatch(run: Command, context: CliContext): void {
  const command = withAnswer(run.command('watch [run]'))
    .description('follow a run until it is done (default: latest)')
    .action(async (id = 'latest') => {
      const options = command.optsWithGlobals<RunOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const found = await client.get(`/v1/runs/${encodeURIComponent(id)}`, runDetailSchema);
      await followToEnd(context, client, found.id, options);
    });
  withExample(command, './qfleet run watch');
}

function addCancel(run: Command, context: CliContext): void {
  const command = withAnswer(run.command('cancel <run>'))
    .description('stop a run; what is measured stays')
    .action(async (id: string) => {
      const options = command.optsWithGlobals<RunOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const cancelled = await client.post(`/v1/runs/${encodeURIComponent(id)}/cancel`, runDetailSchema);
      say(context, `${cancelled.id} is ${cancelled.state}.`);
      printAnswer(context, options, cancelled);
    });
  withExample(command, './qfleet run cancel latest');
}

function tell(context: CliContext, run: RunDetail, { output }: RunOptions): void {
  if (output !== 'json') context.stdout.write(`${run.id}\n`);
  const variants = countOf(run.variantDigests.length, 'variant');
  const devices = countOf(run.deviceIds.length, 'device');
  say(context, `${countOf(run.jobs.length, 'job')}: ${variants} on ${devices}.`);
  for (const note of run.notes) say(context, `  ${note}`);
}

async function followToEnd(
  context: CliContext,
  client: ApiClient,
  id: string,
  options: RunOptions,
): Promise<void> {
  const ended = await followRun(context, client, id);
  printAnswer(context, options, ended);
  say(context, `Run ${ended.id} ${ended.state}.`);
  if (ended.state !== 'cancelled') say(context, `Report: ./qfleet report ${ended.id}`);
  requireCompleted(ended);
}

const runColumns: Column<RunView>[] = [
  { title: 'id', cell: ({ id }) => id },
  { title: 'name', cell: ({ name }) => name },
  { title: 'state', cell: ({ state }) => state },
  { title: 'variants', align: 'right', cell: ({ variantDigests }) => String(variantDigests.length) },
  { title: 'devices', align: 'right', cell: ({ deviceIds }) => String(deviceIds.length) },
  {
    title: 'created',
    cell: ({ createdAtMs }) => formatTime(createdAtMs),
    raw: ({ createdAtMs }) => createdAtMs,
  },
  {
    title: 'finished',
    cell: ({ finishedAtMs }) => formatTime(finishedAtMs),
    raw: ({ finishedAtMs }) => finishedAtMs,
  },
];

function jobColumns(names: ReadonlyMap<string, string>): Column<JobView>[] {
  return [
    { title: 'device', cell: ({ deviceId }) => names.get(deviceId) ?? deviceId },
    { title: 'kind', cell: ({ kind }) => kind },
    { title: 'what', cell: ({ subject }) => subject },
    { title: 'state', cell: ({ state }) => state },
    { title: 'attempts', align: 'right', cell: ({ attempts }) => String(attempts) },
    { title: 'detail', cell: describeJob },
  ];
}

function describeJob({ state, progress, failure }: JobView): string {
  if (failure) return `${failure.class}: ${failure.message}`;
  return state === 'leased' && progress ? `${Math.floor(progress.fraction * 100)} % ${progress.step}` : '';
}
