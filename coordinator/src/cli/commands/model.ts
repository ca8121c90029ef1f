import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import * as z from 'zod';
import { addedModelSchema } from '../../api/routes/model-routes.ts';
import { type Model, modelSchema, type TensorInfo, variantSchema } from '../../artefacts/artefacts.ts';
import { describeGeometry } from '../../artefacts/images/geometry.ts';
import { addRemoveCommand } from '../add-remove-command.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { formatBytes, formatTime, shortDigest } from '../output/format-value.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { type Column, parseFormat, printFacts, printRows } from '../output/print-rows.ts';
import { readContract } from '../read-contract.ts';
import { withAnswer, withExample, withOutput } from '../with-options.ts';

interface ModelOptions extends GlobalOptions {
  readonly output: string;
  readonly name?: string;
  readonly contract?: string;
  readonly preset?: string;
}

/** `qfleet model …`: networks before quantization. */
export function addModelCommands(program: Command, context: CliContext): void {
  const model = program.command('model').description('models: add, list, show, remove');
  withExample(model, './qfleet model add mnist-8.onnx');
  addAdd(model, context);
  addList(model, context);
  addShow(model, context);
  addRemoveCommand(model, context, {
    args: '<name>',
    what: 'a model with its float form',
    example: './qfleet model rm mnist-8',
    pathOf: (name) => `/v1/models/${name}`,
  });
}

function addAdd(model: Command, context: CliContext): void {
  const command = withAnswer(model.command('add <file>'))
    .description('check an ONNX file and store it')
    .option('--name <name>', 'name of the model (default: the file’s)')
    .option(
      '--contract <file>',
      'input contract, JSON or YAML: preset, layout, channels, resize, filter, scale, mean, deviation, …',
    )
    .option('--preset <name>', 'how inputs are resized and scaled: raw, unit, imagenet or mnist')
    .action(async (file: string) => {
      const options = command.optsWithGlobals<ModelOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const contract = await readContract(context, options);
      const added = await client.post('/v1/models', addedModelSchema, {
        path: resolve(context.cwd, file),
        name: options.name ?? basename(file).replace(/\.onnx$/i, ''),
        ...(contract === undefined ? {} : { contract }),
      });
      printAnswer(context, options, added, added.digest);
      say(context, `${added.name}: ${formatBytes(added.sizeBytes)}, input ${describeContract(added)}`);
      for (const note of added.notes) say(context, `  ${note}`);
      const next = added.isQuantized
        ? `run create --model ${added.name} --wait (it is quantized already)`
        : `quantize ${added.name} --calibration DATASET --recipe int8-per-channel`;
      say(context, `Next: ./qfleet ${next}`);
    });
  withExample(command, './qfleet model add mobilenetv2-7.onnx --preset imagenet');
}

function addList(model: Command, context: CliContext): void {
  const command = withOutput(model.command('ls').description('list models')).action(async () => {
    const options = command.optsWithGlobals<ModelOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const { models } = await client.get('/v1/models', z.object({ models: z.array(modelSchema) }));
    printRows(context, format, columns, models);
  });
  withExample(command, './qfleet model ls');
}

function addShow(model: Command, context: CliContext): void {
  const command = withOutput(model.command('show <name>').description('one model')).action(
    async (name: string) => {
      const options = command.optsWithGlobals<ModelOptions>();
      const format = parseFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const schema = modelSchema.extend({ variants: z.array(variantSchema) });
      const found = await client.get(`/v1/models/${encodeURIComponent(name)}`, schema);
      printFacts(context, format, found, [
        ['name', found.name],
        ['digest', found.digest],
        ['size', formatBytes(found.sizeBytes)],
        ['multiply-accumulates', found.macs === undefined ? '–' : found.macs.toLocaleString('en')],
        ['inputs', found.inputs.map(describeTensor).join(', ')],
        ['outputs', found.outputs.map(describeTensor).join(', ')],
        ['input contract', describeContract(found)],
        ['producer', found.producer],
        ...found.variants.map((one): [string, string] => [`variant ${one.name}`, formatBytes(one.sizeBytes)]),
      ]);
    },
  );
  withExample(command, './qfleet model show mnist-8');
}

const columns: Column<Model>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'digest', cell: ({ digest }) => shortDigest(digest), raw: ({ digest }) => digest },
  {
    title: 'size',
    align: 'right',
    cell: ({ sizeBytes }) => formatBytes(sizeBytes),
    raw: ({ sizeBytes }) => sizeBytes,
  },
  {
    title: 'MACs',
    align: 'right',
    cell: ({ macs }) => (macs === undefined ? '–' : macs.toLocaleString('en')),
    raw: ({ macs }) => macs,
  },
  { title: 'inputs', cell: ({ inputs }) => inputs.map(describeTensor).join(', ') },
  {
    title: 'added',
    cell: ({ createdAtMs }) => formatTime(createdAtMs),
    raw: ({ createdAtMs }) => createdAtMs,
  },
];

function describeTensor({ name, elementType, shape }: TensorInfo): string {
  return `${name} ${elementType}[${shape.join(', ')}]`;
}

function describeContract({ contract }: Model): string {
  const { layout, channels, scale, mean, deviation } = contract;
  const size = layout === 'as-is' ? '' : ` ${describeGeometry(contract)}`;
  const list = (name: string, values: readonly number[]): string[] =>
    values.length === 0 ? [] : [`${name} ${values.join(' ')}`];
  const norm = [
    `scale ${Number(scale.toPrecision(6))}`,
    ...list('mean', mean),
    ...list('deviation', deviation),
  ].join(', ');
  return `${layout} ${channels}${size}, ${norm}`.replace('  ', ' ');
}
