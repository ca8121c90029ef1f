import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import * as z from 'zod';
import { exposedRecipe, type Variant, variantSchema } from '../../artefacts/artefacts.ts';
import { addRemoveCommand } from '../add-remove-command.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { formatBytes, formatTime, shortDigest } from '../output/format-value.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { withAnswer, withExample, withOutput } from '../with-options.ts';
import { addShow } from './variant-show.ts';

interface VariantOptions extends GlobalOptions {
  readonly output: string;
  readonly name?: string;
}

/** `qfleet variant …`: forms of a model, also those made elsewhere. */
export function addVariantCommands(program: Command, context: CliContext): void {
  const variant = program.command('variant').description('variants of a model: add, list, show, remove');
  withExample(variant, './qfleet variant ls mnist-8');
  addAdd(variant, context);
  addList(variant, context);
  addShow(variant, context);
  addRemoveCommand(variant, context, {
    args: '<model> <variant>',
    what: 'a variant',
    example: './qfleet variant rm mnist-8 int8-per-tensor',
    pathOf: (model, name) => `/v1/models/${model}/variants/${name}`,
  });
}

function addAdd(variant: Command, context: CliContext): void {
  const command = withAnswer(variant.command('add <model> <file>'))
    .description('store a variant that was made elsewhere, just as it is')
    .option('--name <name>', 'name of the variant (default: the file’s)')
    .action(async (model: string, file: string) => {
      const options = command.optsWithGlobals<VariantOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const path = `/v1/models/${encodeURIComponent(model)}/variants`;
      const name = options.name ?? basename(file).replace(/\.onnx$/i, '');
      const added = await client.post(path, variantSchema, { path: resolve(context.cwd, file), name });
      printAnswer(context, options, added, added.digest);
      say(context, `${added.name}: ${formatBytes(added.sizeBytes)}`);
    });
  withExample(command, './qfleet variant add mobilenetv2-7 mobilenetv2-int8.onnx');
}

function addList(variant: Command, context: CliContext): void {
  const command = withOutput(variant.command('ls <model>').description('list variants of a model')).action(
    async (model: string) => {
      const options = command.optsWithGlobals<VariantOptions>();
      const format = parseFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const path = `/v1/models/${encodeURIComponent(model)}/variants`;
      const { variants } = await client.get(path, z.object({ variants: z.array(variantSchema) }));
      printRows(
        context,
        format,
        columns,
        variants.filter(({ record }) => record.recipe !== exposedRecipe),
      );
    },
  );
  withExample(command, './qfleet variant ls mnist-8');
}

const columns: Column<Variant>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'digest', cell: ({ digest }) => shortDigest(digest), raw: ({ digest }) => digest },
  {
    title: 'size',
    align: 'right',
    cell: ({ sizeBytes }) => formatBytes(sizeBytes),
    raw: ({ sizeBytes }) => sizeBytes,
  },
  { title: 'recipe', cell: ({ record }) => record.recipe },
  { title: 'format', cell: ({ record }) => record.format },
  { title: 'granularity', cell: ({ record }) => record.granularity },
  { title: 'symmetry', cell: ({ record }) => record.symmetry ?? '–' },
  { title: 'placement', cell: ({ record }) => record.placement ?? '–' },
  {
    title: 'output SQNR, dB',
    align: 'right',
    cell: ({ record }) => (record.outputSqnrDb === undefined ? '–' : record.outputSqnrDb.toFixed(1)),
  },
  {
    title: 'added',
    cell: ({ createdAtMs }) => formatTime(createdAtMs),
    raw: ({ createdAtMs }) => createdAtMs,
  },
];
