import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { TensorInfo } from '../../artefacts/artefacts.ts';
import type { Inspection } from '../../onnx/inspect-model.ts';
import { type CliContext, say } from '../cli-context.ts';
import { formatBytes } from '../output/format-value.ts';
import { type Column, parseFormat, printFacts, printRows } from '../output/print-rows.ts';
import { withExample, withOutput } from '../with-options.ts';

interface InspectOptions {
  readonly output: string;
  readonly operators?: boolean;
}

/** `qfleet inspect`: what a model's file tells, without measuring and without a coordinator. */
export function addInspectCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('inspect <model>')
      .description(
        'operators, multiply-accumulates, bytes, intensity, number formats, saturation risk of a file',
      ),
  )
    .option('--operators', 'one row for each operator with its costs')
    .action(async (file: string) => {
      const options = command.optsWithGlobals<InspectOptions>();
      const format = parseFormat(options.output);
      const inspection = await inspect(context, file);
      if (options.operators) return printRows(context, format, operatorColumns, inspection.costs);
      printFacts(context, format, inspection, describe(inspection));
      for (const note of inspection.notes) say(context, note);
    });
  withExample(command, './qfleet inspect mobilenetv2-7.onnx');
}

async function inspect({ cwd, signal }: CliContext, file: string): Promise<Inspection> {
  const { readModel } = await import('../../onnx/read-model.ts');
  const { inspectModel } = await import('../../onnx/inspect-model.ts');
  const { model } = await readModel(resolve(cwd, file));
  return inspectModel(model, { signal });
}

const operatorColumns: Column<Inspection['costs'][number]>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'operator', cell: ({ operator }) => operator },
  { title: 'MACs', align: 'right', cell: ({ macs }) => formatCount(macs), raw: ({ macs }) => macs },
  {
    title: 'bytes',
    align: 'right',
    cell: ({ compulsoryBytes }) => formatSize(compulsoryBytes),
    raw: ({ compulsoryBytes }) => compulsoryBytes,
  },
];

function describe(inspection: Inspection): [string, string][] {
  const { inputs, outputs, operators, saturation, intensityPerByte } = inspection;
  return [
    ['producer', inspection.producer || '–'],
    ['opsets', joinCounts(inspection.opsets, ' ')],
    ['inputs', inputs.map(describeTensor).join(', ')],
    ['outputs', outputs.map(describeTensor).join(', ')],
    ['operators', joinCounts(operators, ' × ')],
    ['parameters', formatCount(inspection.parameters)],
    [
      'weights',
      Object.entries(inspection.weightBytes)
        .map(([type, size]) => `${type} ${formatBytes(size)}`)
        .join(', '),
    ],
    ['multiply-accumulates', formatCount(inspection.macs)],
    ['bytes moved, no reuse', formatSize(inspection.compulsoryBytes)],
    ['bytes moved, all cached', formatSize(inspection.minimumBytes)],
    [
      'intensity',
      intensityPerByte === undefined ? '–' : `${intensityPerByte.toPrecision(3)} operations per byte`,
    ],
    ['saturation risk', describeSaturation(saturation)],
  ];
}

function describeSaturation({ risks, unknown }: Inspection['saturation']): string {
  const channels = risks.reduce((sum, risk) => sum + risk.channelsAtRisk, 0);
  const found =
    risks.length === 0 ? [] : [`${channels} channels in ${risks.length} operators on x86 without VNNI`];
  const open = unknown.map(({ node, why }) => `${node}: ${why}`);
  const listed = open.slice(0, 3).join('; ');
  const rest = open.length > 3 ? `; and ${open.length - 3} more` : '';
  return (
    [...found, ...(open.length > 0 ? [`unknown for ${open.length} operators (${listed}${rest})`] : [])].join(
      ', ',
    ) || 'none'
  );
}

function joinCounts(counts: Readonly<Record<string, number>>, between: string): string {
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return sorted.map(([name, count]) => `${name}${between}${count}`).join(', ');
}

function describeTensor({ name, elementType, shape }: TensorInfo): string {
  return `${name} ${elementType}[${shape.join(', ')}]`;
}

function formatCount(count: number | undefined): string {
  return count === undefined ? '–' : count.toLocaleString('en');
}

function formatSize(sizeBytes: number | undefined): string {
  return sizeBytes === undefined ? '–' : formatBytes(sizeBytes);
}
