import type { Command } from 'commander';
import { taskViewSchema } from '../../api/views/task-view.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, say } from '../cli-context.ts';
import { followTask } from '../follow-task.ts';
import { formatBytes, shortDigest } from '../output/format-value.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { type Made, type Quantized, type QuantizeOptions, quantizedSchema } from '../quantize-order.ts';
import { commaList, wholeNumber, withExample, withOutput } from '../with-options.ts';

/** `qfleet quantize`: variants of a model, by the coordinator, or with `--out` from plain files without one. */
export function addQuantizeCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('quantize <model>')
      .description('make variants of a model; with --out from plain files, without a coordinator'),
  )
    .requiredOption('--calibration <data>', 'dataset to calibrate with; with --out a file or folder')
    .requiredOption('--recipe <ids>', 'comma-separated: int8-per-channel, int8-per-tensor, fp32', commaList)
    .option('--limit <n>', 'first so many calibration items; 0: all', wholeNumber(0), 0)
    .option('--out <dir>', 'read MODEL and DATA as files and write the variants there')
    .option('--contract <file>', 'with --out: input contract, JSON or YAML')
    .option('--preset <name>', 'with --out: how inputs are scaled: raw, unit, imagenet or mnist')
    .action(async (model: string) => {
      const options = command.optsWithGlobals<QuantizeOptions>();
      const format = parseFormat(options.output);
      const { variants } =
        options.out === undefined
          ? await quantizeThere(context, model, options)
          : await quantizeHere(context, model, { ...options, out: options.out });
      printRows(context, format, columns, variants);
      if (options.out === undefined) say(context, `Next: qfleet run create --model ${model} --wait`);
    });
  withExample(command, 'qfleet quantize mnist-8 --calibration mnist-t10k --recipe int8-per-channel');
}

async function quantizeThere(
  context: CliContext,
  model: string,
  options: QuantizeOptions,
): Promise<Quantized> {
  const client = await connectToCoordinator(context, options);
  const { calibration, recipe, limit } = options;
  const order = { model, calibration, recipes: recipe, limit };
  const task = await client.post('/v1/quantize', taskViewSchema, order);
  return quantizedSchema.parse((await followTask(context, client, task.id)).result);
}

async function quantizeHere(
  context: CliContext,
  model: string,
  options: QuantizeOptions & { readonly out: string },
): Promise<Quantized> {
  const { quantizeFiles } = await import('../quantize-files.ts');
  return quantizeFiles(context, model, options);
}

const columns: Column<Made>[] = [
  { title: 'variant', cell: ({ name }) => name },
  { title: 'digest', cell: ({ digest }) => shortDigest(digest), raw: ({ digest }) => digest },
  {
    title: 'size',
    align: 'right',
    cell: ({ sizeBytes }) => formatBytes(sizeBytes),
    raw: ({ sizeBytes }) => sizeBytes,
  },
];
