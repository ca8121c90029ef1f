import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Command } from 'commander';
import * as z from 'zod';
import type { TensorDifference, TensorPair } from '../../analysis/compare-tensors.ts';
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
  readonly between?: readonly string[];
  readonly on?: string;
  readonly against: string;
  readonly inputs: number;
}

/** A tensor with what was found of it. */
interface Row extends TensorDifference {
  readonly operator: string;
  readonly scale: number | undefined;
}

/** Raw values kept of one run, in all: 64 MiB of float32. */
const maxValues = 2 ** 24;
/** What `--against` takes beside names of variants. */
const simulation = 'simulation';

/** `qfleet divergence`: where inside a network two places, or two forms of it in one place, begin to answer differently. */
export function addDivergenceCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('divergence <model> <variant>')
      .description(
        'the first tensor that two places compute differently, and how that grows to the output; or, on one device, a variant against fp32 or against its own simulation, tensor by tensor',
      )
      .requiredOption('--dataset <name>', 'whose first inputs both run')
      .option(
        '--between <places>',
        'two places, DEVICE or DEVICE/BACKEND, comma-separated; the backend is onnxruntime-cpu by default',
        commaList,
      )
      .option('--on <place>', 'one place, where the variant is held against another form of itself')
      .option(
        '--against <form>',
        'with --on: another variant, or simulation: the same file with nothing fused, in float between its quantize steps',
        'fp32',
      )
      .option('--inputs <n>', 'inputs to run', wholeNumber(1), 4),
  ).action(async (model: string, variant: string) => {
    const options = command.optsWithGlobals<DivergenceOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const sides = await findSides(client, variant, options);
    const search = new Search({ context, client, model, options, sides });
    const rows = await search.run();
    printRows(context, format, columns, rows);
    say(context, tell(rows, sides, options));
  });
  withExample(
    command,
    './qfleet divergence mnist-8 int8-per-channel --dataset mnist --between host,x86-avx2 --inputs 4',
  );
}

interface Place {
  readonly name: string;
  readonly device: DeviceView;
  readonly backend: string;
}

/** One form of the network in one place. */
interface Side {
  readonly place: Place;
  readonly variant: string;
  /** Nothing is fused: every operator computes in float between the quantize steps. */
  readonly isSimulated: boolean;
}
type Sides = readonly [reference: Side, subject: Side];

async function findSides(
  client: ApiClient,
  variant: string,
  { between, on, against }: DivergenceOptions,
): Promise<Sides> {
  if ((between === undefined) === (on === undefined)) {
    throw new QfleetError('usage', 'Expected either --between or --on.', {
      hint: 'For example: --between host,pi3, or --on pi3 --against fp32',
    });
  }
  if (between?.length !== undefined && between.length !== 2) {
    throw new QfleetError('usage', `Expected two places, got ${between.length}: ${between.join(', ')}.`, {
      hint: 'For example: --between host,pi3 or --between host/onnxruntime-cpu,host/onnxruntime-wasm',
    });
  }
  const { devices } = await client.get('/v1/devices', z.object({ devices: z.array(deviceViewSchema) }));
  const places = (between ?? [on!]).map((text): Place => {
    const [name, backend = 'onnxruntime-cpu'] = text.split('/');
    const device = devices.find((one) => one.name === name || one.id === name);
    if (device) return { name: text, device, backend };
    throw new QfleetError('not-found', `There is no device "${name}".`, { hint: 'See: ./qfleet device ls' });
  });
  const [first, second] = places as [Place, Place | undefined];
  const subject: Side = { place: second ?? first, variant, isSimulated: false };
  if (second) return [{ place: first, variant, isSimulated: false }, subject];
  const isSimulated = against === simulation;
  return [{ place: first, variant: isSimulated ? variant : against, isSimulated }, subject];
}

/** Different files hold different tensors, and every quantized one differs from the float one. */
function isOfTwoFiles([reference, subject]: Sides): boolean {
  return reference.variant !== subject.variant;
}

function tell(rows: readonly Row[], sides: Sides, { inputs }: DivergenceOptions): string {
  if (isOfTwoFiles(sides)) {
    const inner = rows.filter(({ sqnrDb, operator }) => sqnrDb !== undefined && operator !== 'output');
    const worst = inner.toSorted((a, b) => a.sqnrDb! - b.sqnrDb!)[0];
    if (!worst) return `No tensor that both files have differs over ${inputs} inputs.`;
    return `Of ${inner.length} tensors that both have, ${worst.tensor}, which ${worst.operator} computes, is furthest from ${sides[0].variant}: ${worst.sqnrDb!.toFixed(1)} dB.`;
  }
  const first = rows.find(({ different }) => different > 0);
  if (!first) return `No tensor differs over ${inputs} inputs.`;
  const share = ((100 * first.different) / first.values).toFixed(1);
  const unit = first.scale === undefined ? '' : ' steps';
  const [reference, subject] = sides;
  const who = reference.isSimulated
    ? `Simulation and kernels on ${subject.place.name}`
    : `${reference.place.name} and ${subject.place.name}`;
  return `${who} part at ${first.tensor}, which ${first.operator} computes: ${first.different} of ${first.values} values (${share} %) differ, by up to ${Number(first.largest.toPrecision(4))}${unit}.`;
}

interface SearchOrder {
  readonly context: CliContext;
  readonly client: ApiClient;
  readonly model: string;
  readonly options: DivergenceOptions;
  readonly sides: Sides;
}

/** A tensor of the subject with the one of the reference that should hold the same values. */
interface Paired extends InnerTensor {
  readonly pair: TensorPair;
}

/** Looks at inner tensors, run by run: until the first that differs is known, or at all where the files are two. */
class Search {
  readonly #order: SearchOrder;
  readonly #found = new Map<string, TensorDifference>();

  constructor(order: SearchOrder) {
    this.#order = order;
  }

  async run(): Promise<Row[]> {
    const { context, options, sides } = this.#order;
    const tensors = await this.#listPairs();
    const maxElements = Math.floor(maxValues / options.inputs);
    const known = new Map<number, boolean>();
    for (;;) {
      const { next } = chooseTensors(tensors, known, maxElements);
      if (next.length === 0) break;
      say(context, `Looking at ${next.length} of ${tensors.length} tensors.`);
      await this.#look(next.map((place) => tensors[place]!));
      for (const place of next) {
        const differs = (this.#found.get(tensors[place]!.name)?.different ?? 0) > 0;
        known.set(place, differs && !isOfTwoFiles(sides));
      }
    }
    return this.#rows(tensors);
  }

  async #listPairs(): Promise<Paired[]> {
    const [reference, subject] = this.#order.sides;
    const tensors = await this.#list(subject.variant);
    if (!isOfTwoFiles(this.#order.sides)) {
      // Codes are compared as they are.
      return tensors.map((one) => ({
        ...one,
        pair: { reference: { tensor: one.name }, subject: { tensor: one.name } },
      }));
    }
    const others = new Map((await this.#list(reference.variant)).map((one) => [one.source ?? one.name, one]));
    const pairs = tensors.flatMap((one): Paired[] => {
      const other = others.get(one.source ?? one.name);
      return other ? [{ ...one, pair: { reference: toPairSide(other), subject: toPairSide(one) } }] : [];
    });
    if (pairs.length > 0) return pairs;
    throw new QfleetError(
      'failed-precondition',
      `${subject.variant} and ${reference.variant} have no inner tensor of the same name.`,
      { hint: 'Compare with the file that it was quantized from, or with --against simulation.' },
    );
  }

  async #list(variant: string): Promise<InnerTensor[]> {
    const { client, model } = this.#order;
    const path = `/v1/models/${encodeURIComponent(model)}/tensors?variant=${encodeURIComponent(variant)}`;
    return (await client.get(path, z.object({ tensors: z.array(innerTensorSchema) }))).tensors;
  }

  async #look(tensors: readonly Paired[]): Promise<void> {
    const { context, client, sides } = this.#order;
    const runs: string[] = [];
    for (const [i, side] of sides.entries()) {
      const names = tensors.map(({ pair }) => (i === 0 ? pair.reference : pair.subject).tensor);
      runs.push(await this.#startRun(side, names));
    }
    for (const run of runs) requireCompleted(await followRun(context, client, run));
    const [reference, subject] = sides.map(({ place }, i) => ({
      run: runs[i],
      device: place.device.id,
      backend: place.backend,
    }));
    // Without pairs the outputs are compared too, which have the same names everywhere.
    const pairs = isOfTwoFiles(sides) ? tensors.map(({ pair }) => pair) : undefined;
    const compared = await client.post('/v1/tensor-comparisons', tensorComparisonSchema, {
      reference,
      subject,
      pairs,
    });
    if (compared.reason !== undefined) {
      throw new QfleetError('failed-precondition', `The sides cannot be compared: ${compared.reason}.`);
    }
    for (const difference of compared.tensors) this.#found.set(difference.tensor, difference);
  }

  async #startRun({ place, variant, isSimulated }: Side, tensors: readonly string[]): Promise<string> {
    const { client, model, options } = this.#order;
    const base = `/v1/models/${encodeURIComponent(model)}`;
    const exposed = await client.post(`${base}/exposed`, variantSchema, { variant, tensors });
    const created = await client.post('/v1/runs', runDetailSchema, {
      name: `divergence of ${variant}`,
      purpose: 'divergence',
      model,
      variants: [exposed.digest],
      devices: [place.device.id],
      backends: [place.backend],
      ...(isSimulated && { settings: [{ providerOptions: { graphOptimizationLevel: 'disabled' } }] }),
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
    return created.id;
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

function toPairSide({ name, scale, zeroPoint }: InnerTensor): TensorPair['reference'] {
  return scale === undefined
    ? { tensor: name }
    : { tensor: name, scale, ...(zeroPoint !== undefined && { zeroPoint }) };
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
