import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Command } from 'commander';
import * as z from 'zod';
import { type LayerCheck, type Variant, variantSchema } from '../../artefacts/artefacts.ts';
import { worstActivations } from '../../artefacts/worst-activations.ts';
import { suggestNames } from '../../main/suggest-names.ts';
import { connectToCoordinator } from '../api-client.ts';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { formatBytes } from '../output/format-value.ts';
import { parseFormat, printRows } from '../output/print-rows.ts';
import { withExample, withOutput } from '../with-options.ts';

interface ShowOptions extends GlobalOptions {
  readonly output: string;
}

/** `qfleet variant show`: how a variant was made, what it is by the five axes, and what its check has found. */
export function addShow(variant: Command, context: CliContext): void {
  const command = withOutput(
    variant.command('show <model> <variant>').description('how a variant was made, and what its check found'),
  ).action(async (model: string, name: string) => {
    const options = command.optsWithGlobals<ShowOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const path = `/v1/models/${encodeURIComponent(model)}/variants`;
    const { variants } = await client.get(path, z.object({ variants: z.array(variantSchema) }));
    const found = find(variants, name);
    if (format === 'json') context.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    else
      printRows(
        context,
        format,
        [
          { title: 'what', cell: ([what]) => what },
          { title: 'is', cell: ([, is]) => is },
        ],
        describe(found),
      );
  });
  withExample(command, './qfleet variant show mnist-8 int8-per-channel');
}

function find(variants: readonly Variant[], name: string): Variant {
  const found = variants.find((variant) => variant.name === name || variant.digest === name);
  if (found) return found;
  const names = variants.map((variant) => variant.name);
  const [nearest] = suggestNames(name, names);
  throw new QfleetError('not-found', `The model has no variant "${name}".`, {
    hint: nearest ? `Did you mean ${nearest}?` : `It has ${names.join(', ') || 'none'}.`,
  });
}

function describe({ name, digest, sizeBytes, record }: Variant): [string, string][] {
  const { calibration, folding, layerCheck, saturation, targets } = record;
  const rows: [string, string | undefined][] = [
    ['variant', `${name}, ${formatBytes(sizeBytes)}, ${digest}`],
    ['recipe', record.recipe],
    ['format', `${record.format} (activations/weights)`],
    ['granularity', record.granularity],
    ['symmetry', record.symmetry],
    ['placement', record.placement],
    ['folding', folding && `${folding.batchNorms} BatchNorm and ${folding.clips} Relu or Clip left`],
    [
      'calibration',
      calibration &&
        `${calibration.method} on ${calibration.count} inputs of dataset ${calibration.datasetDigest}`,
    ],
    ['output SQNR', record.outputSqnrDb === undefined ? undefined : `${record.outputSqnrDb.toFixed(1)} dB`],
    [
      'saturation',
      saturation &&
        `${saturation.channelsAtRisk} channels in ${saturation.operatorsAtRisk} operators at risk on x86 without VNNI${saturation.unknown ? `, unknown for ${saturation.unknown.length} operators (${saturation.unknown[0]})` : ''}`,
    ],
    ...Object.entries(targets ?? {}).map(([target, { verdict, why }]): [string, string] => [
      `on ${target}`,
      `${verdict}: ${why}`,
    ]),
    ...(layerCheck ? describeLayers(layerCheck) : []),
    ...(record.warnings ?? []).map((warning): [string, string] => ['warning', warning]),
    ...record.notes.map((note): [string, string] => ['note', note]),
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}

/** Activations that are named. */
const maxNamed = 8;

function describeLayers(check: LayerCheck): [string, string][] {
  const { outputs, activations, inputs } = check;
  const line = ({
    tensor,
    simulationSqnrDb,
    kernelSqnrDb,
    codesDiffer,
  }: LayerCheck['outputs'][number]): string =>
    `${tensor}: simulation ${decibels(simulationSqnrDb)} from float32, kernels ${decibels(kernelSqnrDb)} from the simulation, ${(100 * codesDiffer).toFixed(1)} % of values differ`;
  return [
    ...outputs.map((output): [string, string] => ['output', line(output)]),
    ...worstActivations(check)
      .slice(0, maxNamed)
      .map((layer, i): [string, string] => [
        i === 0 ? `worst of ${activations.length} layers, ${inputs} inputs` : '',
        line(layer),
      ]),
  ];
}

function decibels(value: number | undefined): string {
  return value === undefined ? 'no different' : `${value.toFixed(1)} dB`;
}
