import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Command } from 'commander';
import { taskViewSchema } from '../../api/views/task-view.ts';
import { datasetSchema } from '../../artefacts/artefacts.ts';
import { type Quantized, quantizedSchema } from '../../tasks/task-params.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, say } from '../cli-context.ts';
import { followTask } from '../follow-task.ts';
import { formatBytes, shortDigest } from '../output/format-value.ts';
import { type Column, parseFormat, printFacts, printRows } from '../output/print-rows.ts';
import type { QuantizeOptions, QuantizeOrder } from '../quantize-order.ts';
import { readRecipes } from '../read-recipes.ts';
import { commaList, wholeNumber, withExample, withOutput } from '../with-options.ts';

/** `qfleet quantize`: variants of a model, by the coordinator, or with `--out` from plain files without one. */
export function addQuantizeCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('quantize <model>')
      .description('make variants of a model; with --out from plain files, without a coordinator'),
  )
    .requiredOption(
      '--recipe <names>',
      'comma-separated: names (./qfleet recipe ls), YAML files of recipes, or all',
      commaList,
    )
    .option('--calibration <data>', 'dataset to calibrate with; with --out a file or folder')
    .option('--limit <n>', 'first so many calibration items; 0: all', wholeNumber(0), 0)
    .option(
      '--resamples <n>',
      'so many variants of each recipe, calibrated with other random sets of --limit items',
      wholeNumber(0),
      0,
    )
    .option('--out <dir>', 'read MODEL and DATA as files and write the variants there')
    .option('--contract <file>', 'with --out: input contract, JSON or YAML')
    .option('--preset <name>', 'with --out: how inputs are resized and scaled: raw, unit, imagenet or mnist')
    .action(async (model: string) => {
      const options = command.optsWithGlobals<QuantizeOptions>();
      const format = parseFormat(options.output);
      const order = { ...options, recipes: await readRecipes(context, options.recipe) };
      const made =
        options.out === undefined
          ? await quantizeThere(context, model, order)
          : await quantizeHere(context, model, { ...order, out: options.out });
      // For a program everything that was said of it: what was refused and warned of too.
      if (format === 'json') printFacts(context, format, made, []);
      else printRows(context, format, columns, made.variants);
      sayWarnings(context, made);
      tellRefused(context, made, options.recipe);
      if (options.out === undefined) await tellNext(context, model, options);
    });
  withExample(command, './qfleet quantize mnist-8 --calibration mnist-t10k --recipe int8-per-channel');
}

/** The run that judges them too: on what was not calibrated with, where the dataset keeps such items. */
async function tellNext(context: CliContext, model: string, options: QuantizeOptions): Promise<void> {
  const client = await connectToCoordinator(context, options);
  const found =
    options.calibration === undefined
      ? undefined
      : await client.get(`/v1/datasets/${encodeURIComponent(options.calibration)}`, datasetSchema);
  const dataset = found?.splits.evaluation ? options.calibration : 'DATASET';
  say(context, `Next: ./qfleet run create --model ${model} --dataset ${dataset} --wait`);
}

function sayWarnings(context: CliContext, { variants, warnings }: Quantized): void {
  for (const warning of warnings) say(context, `warning: ${warning}`);
  const pairs = variants.flatMap(({ name, warnings: own }) => own.map((warning) => ({ name, warning })));
  for (const [warning, named] of Map.groupBy(pairs, (pair) => pair.warning))
    say(context, `warning: ${named.map(({ name }) => name).join(', ')}: ${warning}`);
}

/** Of `all`, what does not fit is to be expected; of recipes asked for by name it is a failure. */
function tellRefused(context: CliContext, { refused }: Quantized, asked: readonly string[]): void {
  for (const { recipe, message, hint } of refused)
    say(context, `not made: ${recipe}: ${message}${hint === undefined ? '' : ` ${hint}`}`);
  if (refused.length === 0 || asked.includes('all')) return;
  throw new QfleetError(
    'refused',
    `${refused.length} of the recipes asked for do not fit; the others were made.`,
  );
}

async function quantizeThere(context: CliContext, model: string, options: QuantizeOrder): Promise<Quantized> {
  const client = await connectToCoordinator(context, options);
  const { calibration, recipes, limit, resamples } = options;
  const order = { model, ...(calibration === undefined ? {} : { calibration }), recipes, limit, resamples };
  const task = await client.post('/v1/quantize', taskViewSchema, order);
  return quantizedSchema.parse((await followTask(context, client, task.id)).result);
}

async function quantizeHere(
  context: CliContext,
  model: string,
  options: QuantizeOrder & { readonly out: string },
): Promise<Quantized> {
  const { quantizeFiles } = await import('../quantize-files.ts');
  return quantizeFiles(context, model, options);
}

type Made = Quantized['variants'][number];

const columns: Column<Made>[] = [
  { title: 'variant', cell: ({ name }) => name },
  { title: 'digest', cell: ({ digest }) => shortDigest(digest), raw: ({ digest }) => digest },
  {
    title: 'size',
    align: 'right',
    cell: ({ sizeBytes }) => formatBytes(sizeBytes),
    raw: ({ sizeBytes }) => sizeBytes,
  },
  {
    title: 'output SQNR, dB',
    align: 'right',
    cell: ({ outputSqnrDb }) => outputSqnrDb?.toFixed(1) ?? '–',
    raw: ({ outputSqnrDb }) => outputSqnrDb,
  },
  {
    title: 'warnings',
    cell: ({ warnings }) => (warnings.length === 0 ? '' : `${warnings.length}, see below`),
  },
];
