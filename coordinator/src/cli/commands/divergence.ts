import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Command } from 'commander';
import * as z from 'zod';
import type { TensorDifference } from '../../analysis/compare-tensors.ts';
import { tensorComparisonSchema } from '../../api/routes/divergence-routes.ts';
import { type DeviceView, deviceViewSchema } from '../../api/views/device-view.ts';
import { runDetailSchema } from '../../api/views/run-view.ts';
import { variantSchema } from '../../artefacts/artefacts.ts';
import { chooseTensors } from '../../divergence/choose-tensors.ts';
import { type InnerTensor, innerTensorSchema } from '../../divergence/list-tensors.ts';
import { type ApiClient, connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { followRun, requireCompleted } from '../follow-run.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { commaList, wholeNumber, withExample, withOutput } from '../with-options.ts';

interface DivergenceOptions extends GlobalOptions {
  readonly output: string;
  readonly dataset: string;
  readonly between: readonly string[];
  readonly inputs: number;
}

/** A tensor with what was found of it. */
interface Row extends TensorDifference {
  readonly operator: string;
  readonly scale: number | undefined;
}

/** Raw values kept of one run, in all: 64 MiB of float32. */
const maxValues = 2 ** 24;

/** `qfleet divergence`: where inside a network two places begin to answer differently. */
export function addDivergenceCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('divergence <model> <variant>')
      .description('the first tensor that two places compute differently, and how that grows to the output')
      .requiredOption('--dataset <name>', 'whose first inputs both run')
      .requiredOption(
        '--between <places>',
        'two places, DEVICE or DEVICE/BACKEND, comma-separated; the backend is onnxruntime-cpu by default',
        commaList,
      )
      .option('--inputs <n>', 'inputs to run', wholeNumber(1), 4),
  ).action(async (model: string, variant: string) => {
    const options = command.optsWithGlobals<DivergenceOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const places = await findPlaces(client, options.between);
    const search = new Search({ context, client, model, variant, options, places });
    const rows = await search.run();
    printRows(context, format, columns, rows);
    const first = rows.find(({ different }) => different > 0);
    say(context, first ? tell(first, options) : `No tensor differs over ${options.inputs} inputs.`);
  });
  withExample(
    command,
    'qfleet divergence mnist-8 int8-per-channel --dataset mnist --between host,x86-avx2 --inputs 4',
  );
}

function tell(first: Row, { between }: DivergenceOptions): string {
  const share = ((100 * first.different) / first.values).toFixed(1);
  const unit = first.scale === undefined ? '' : ' steps';
  return `${between.join(' and ')} part at ${first.tensor}, which ${first.operator} computes: ${first.different} of ${first.values} values (${share} %) differ, by up to ${Number(first.largest.toPrecision(4))}${unit}.`;
}

interface Place {
  readonly device: DeviceView;
  readonly backend: string;
}

async function findPlaces(client: ApiClient, names: readonly string[]): Promise<readonly [Place, Place]> {
  const { devices } = await client.get('/v1/devices', z.object({ devices: z.array(deviceViewSchema) }));
  const places = names.map((text): Place => {
    const [name, backend = 'onnxruntime-cpu'] = text.split('/');
    const device = devices.find((one) => one.name === name || one.id === name);
    if (device) return { device, backend };
    throw new QfleetError('not-found', `There is no device "${name}".`, { hint: 'See: qfleet device ls' });
  });
  const [first, second, ...more] = places;
  if (first && second && more.length === 0) return [first, second];
  throw new QfleetError('usage', `Expected two places, got ${names.length}: ${names.join(', ')}.`, {
    hint: 'For example: --between host,pi3 or --between host/onnxruntime-cpu,host/onnxruntime-wasm',
  });
}

interface SearchOrder {
  readonly context: CliContext;
  readonly client: ApiClient;
  readonly model: string;
  readonly variant: string;
  readonly options: DivergenceOptions;
  readonly places: readonly [Place, Place];
}

/** Looks at inner tensors, run by run, until the first that differs is known. */
class Search {
  readonly #order: SearchOrder;
  readonly #found = new Map<string, TensorDifference>();

  constructor(order: SearchOrder) {
    this.#order = order;
  }

  async run(): Promise<Row[]> {
    const { context, client, model, variant, options } = this.#order;
    const path = `/v1/models/${encodeURIComponent(model)}/tensors?variant=${encodeURIComponent(variant)}`;
    const { tensors } = await client.get(path, z.object({ tensors: z.array(innerTensorSchema) }));
    const maxElements = Math.floor(maxValues / options.inputs);
    const known = new Map<number, boolean>();
    for (;;) {
      const { next } = chooseTensors(tensors, known, maxElements);
      if (next.length === 0) break;
      say(context, `Looking at ${next.length} of ${tensors.length} tensors.`);
      await this.#look(next.map((place) => tensors[place]!.name));
      for (const place of next) known.set(place, (this.#found.get(tensors[place]!.name)?.different ?? 0) > 0);
    }
    return this.#rows(tensors);
  }

  async #look(names: readonly string[]): Promise<void> {
    const { context, client, model, variant, options, places } = this.#order;
    const base = `/v1/models/${encodeURIComponent(model)}`;
    const exposed = await client.post(`${base}/exposed`, variantSchema, { variant, tensors: names });
    const created = await client.post('/v1/runs', runDetailSchema, {
      name: `divergence of ${variant}`,
      model,
      variants: [exposed.digest],
      devices: [...new Set(places.map(({ device }) => device.id))],
      backends: [...new Set(places.map(({ backend }) => backend))],
      evaluation: {
        dataset: options.dataset,
        limit: options.inputs,
        emulatedLimit: options.inputs,
        comparison: options.inputs,
        allowOverlap: true,
      },
      timing: { enabled: false, operatorProfile: false },
      probeMaxAgeHours: -1,
    });
    requireCompleted(await followRun(context, client, created.id));
    const [first, second] = places;
    const query = new URLSearchParams({
      firstDevice: first.device.id,
      firstBackend: first.backend,
      secondDevice: second.device.id,
      secondBackend: second.backend,
    });
    const compared = await client.get(`/v1/runs/${created.id}/tensors?${query}`, tensorComparisonSchema);
    if (compared.reason !== undefined) {
      throw new QfleetError('failed-precondition', `The places cannot be compared: ${compared.reason}.`);
    }
    for (const difference of compared.tensors) this.#found.set(difference.tensor, difference);
  }

  /** In the order in which they are computed, the model's outputs last. */
  #rows(tensors: readonly InnerTensor[]): Row[] {
    const inner = tensors.flatMap(({ name, operator, scale }): Row[] => {
      const found = this.#found.get(name);
      return found ? [{ ...found, operator, scale }] : [];
    });
    const names = new Set(tensors.map(({ name }) => name));
    const outputs = [...this.#found.values()].filter(({ tensor }) => !names.has(tensor));
    return [...inner, ...outputs.map((found): Row => ({ ...found, operator: 'output', scale: undefined }))];
  }
}

const columns: Column<Row>[] = [
  { title: 'tensor', cell: ({ tensor }) => tensor },
  { title: 'computed by', cell: ({ operator }) => operator },
  { title: 'values', align: 'right', cell: ({ values }) => String(values), raw: ({ values }) => values },
  {
    title: 'different',
    align: 'right',
    cell: ({ different, values }) =>
      different === 0 ? '0' : `${different} (${((100 * different) / values).toFixed(1)} %)`,
    raw: ({ different }) => different,
  },
  {
    title: 'largest',
    align: 'right',
    cell: ({ largest, scale }) =>
      `${Number(largest.toPrecision(4))}${scale === undefined ? '' : largest === 1 ? ' step' : ' steps'}`,
    raw: ({ largest }) => largest,
  },
  {
    title: 'SQNR, dB',
    align: 'right',
    cell: ({ sqnrDb, different }) =>
      different === 0 ? 'identical' : sqnrDb === undefined ? '–' : sqnrDb.toFixed(1),
    raw: ({ sqnrDb }) => sqnrDb,
  },
];
