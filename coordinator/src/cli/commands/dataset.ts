import { basename, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { taskViewSchema } from '../../api/views/task-view.ts';
import { type Dataset, datasetSchema } from '../../artefacts/artefacts.ts';
import { addRemoveCommand } from '../add-remove-command.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { followTask } from '../follow-task.ts';
import { formatTime, shortDigest } from '../output/format-value.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { type Column, parseFormat, printFacts, printRows } from '../output/print-rows.ts';
import { wholeNumber, withAnswer, withExample, withOutput } from '../with-options.ts';

interface AddOptions extends GlobalOptions {
  readonly output: string;
  readonly name?: string;
  readonly split: 'none' | { calibration: number };
  readonly seed: number;
  readonly labels?: string;
  readonly classes?: number;
  readonly classOrder: string;
  readonly resize?: { width: number; height: number };
}

const resultSchema = z.object({ digest: z.string(), name: z.string(), notes: z.array(z.string()) });

interface ListOptions extends GlobalOptions {
  readonly output: string;
}

/** `qfleet dataset …`: inputs, with labels where there are any. */
export function addDatasetCommands(program: Command, context: CliContext): void {
  const dataset = program.command('dataset').description('datasets: add, list, show, remove');
  withExample(dataset, './qfleet dataset add ./images --split 500');
  addAdd(dataset, context);
  addList(dataset, context);
  addShow(dataset, context);
  addRemoveCommand(dataset, context, {
    args: '<name>',
    what: 'a dataset with what was derived from it',
    example: './qfleet dataset rm cats',
    pathOf: (name) => `/v1/datasets/${name}`,
  });
}

function addAdd(dataset: Command, context: CliContext): void {
  const command = withAnswer(dataset.command('add <path>'))
    .description('import .npz, .npy, idx(.gz), or a folder or archive of images')
    .option('--name <name>', 'name of the dataset (default: the file’s)')
    .addOption(
      new Option('--split <n|none>', 'items for calibration, the rest is for evaluation; none: no split')
        .argParser(parseSplit)
        .default({ calibration: 500 }, '500'),
    )
    .option('--seed <n>', 'orders the items before the split', wholeNumber(0), 1)
    .option('--labels <file>', 'CSV with file,label, or with columns named so')
    .option('--classes <n>', 'number of classes, where the labels alone do not say it', wholeNumber(1))
    .addOption(
      new Option('--class-order <order>', 'how class folders are numbered: integers by value, or all as text')
        .choices(['auto', 'numeric', 'text'])
        .default('auto'),
    )
    .option(
      '--resize <WxH>',
      'store all images in this size, pixels (default: as they are; each model resizes by its contract)',
      parseSize,
    )
    .action(async (path: string) => {
      const options = command.optsWithGlobals<AddOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const task = await client.post('/v1/datasets', taskViewSchema, toOrder(context, path, options));
      const { result } = await followTask(context, client, task.id);
      const { digest, name, notes } = resultSchema.parse(result);
      const added = await client.get(`/v1/datasets/${digest}`, datasetSchema);
      printAnswer(context, options, { ...added, notes }, digest);
      say(context, `${name}: ${added.count} items, ${describeSplits(added)}, ${describeClasses(added)}`);
      for (const note of notes) say(context, `  ${note}`);
    });
  withExample(command, './qfleet dataset add ./images --name cats --split 500');
}

function toOrder(context: CliContext, path: string, options: AddOptions): Record<string, unknown> {
  const { name, split, seed, labels, classes, classOrder, resize: size } = options;
  return {
    path: resolve(context.cwd, path),
    name: name ?? basename(path).replace(/\.(npz|npy|zip|tar|tgz|tar\.gz|gz)$/i, ''),
    split,
    seed,
    ...(labels === undefined ? {} : { labelsCsv: resolve(context.cwd, labels) }),
    ...(classes === undefined ? {} : { classCount: classes }),
    classOrder,
    ...(size === undefined ? {} : { resize: size }),
  };
}

function addList(dataset: Command, context: CliContext): void {
  const command = withOutput(dataset.command('ls').description('list datasets')).action(async () => {
    const options = command.optsWithGlobals<ListOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const { datasets } = await client.get('/v1/datasets', z.object({ datasets: z.array(datasetSchema) }));
    printRows(context, format, columns, datasets);
  });
  withExample(command, './qfleet dataset ls');
}

function addShow(dataset: Command, context: CliContext): void {
  const command = withOutput(dataset.command('show <name>').description('one dataset')).action(
    async (name: string) => {
      const options = command.optsWithGlobals<ListOptions>();
      const format = parseFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const found = await client.get(`/v1/datasets/${encodeURIComponent(name)}`, datasetSchema);
      printFacts(context, format, found, [
        ['name', found.name],
        ['digest', found.digest],
        ['items', String(found.count)],
        ['one item', describeItem(found)],
        ['splits', describeSplits(found)],
        ['labels', describeClasses(found)],
        ['source', found.source],
        ['derived', found.derivedFrom ? `${found.derivedFrom.how}, from ${found.derivedFrom.digest}` : '–'],
      ]);
    },
  );
  withExample(command, './qfleet dataset show cats');
}

const columns: Column<Dataset>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'digest', cell: ({ digest }) => shortDigest(digest), raw: ({ digest }) => digest },
  { title: 'items', align: 'right', cell: ({ count }) => String(count) },
  { title: 'one item', cell: describeItem },
  { title: 'splits', cell: describeSplits },
  { title: 'labels', cell: describeClasses },
  {
    title: 'added',
    cell: ({ createdAtMs }) => formatTime(createdAtMs),
    raw: ({ createdAtMs }) => createdAtMs,
  },
];

function describeItem({ item, channels, encoding }: Dataset): string {
  if (encoding) return `${channels} images of differing sizes`;
  return `${item.elementType}[${item.shape.join(', ')}] ${channels}`.trim();
}

function describeSplits({ splits }: Dataset): string {
  const parts = Object.entries(splits).flatMap(([name, split]) => (split ? [`${name} ${split.count}`] : []));
  return parts.join(', ');
}

function describeClasses({ classes }: Dataset): string {
  return classes ? `${classes.count} classes` : 'no labels';
}

function parseSplit(text: string): AddOptions['split'] {
  if (text === 'none') return 'none';
  const calibration = Number(text);
  if (Number.isInteger(calibration) && calibration > 0) return { calibration };
  throw new InvalidArgumentError('Expected a number of calibration items, or none.');
}

function parseSize(text: string): { width: number; height: number } {
  const match = /^(\d{1,5})x(\d{1,5})$/i.exec(text);
  if (!match) throw new InvalidArgumentError('Expected WIDTHxHEIGHT, for example 224x224.');
  return { width: Number(match[1]), height: Number(match[2]) };
}
