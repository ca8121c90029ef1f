import { unlink } from 'node:fs/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { addNoise, measureNoise, noNoise, sqnrOf } from '../../ort/noise-sums.ts';
import type { OrtChild } from '../../ort/ort-child.ts';
import type { Feeds } from '../../ort/ort-messages.ts';
import { OrtPool } from '../../ort/ort-pool.ts';
import type { StaticRecipe } from '../recipes/recipe.ts';
import type { Workbench } from '../workbench.ts';

interface Choice {
  readonly keptFloat: ReadonlySet<string>;
  readonly notes: readonly string[];
}

interface Candidates {
  /** Multiply-accumulate operators, in graph order. */
  readonly nodes: readonly string[];
  /** The model with these kept float and all others integer. */
  readonly emit: (keptFloat: ReadonlySet<string>) => ModelProto;
}

/** Inputs on which one operator's effect is measured: its rank among the others needs no more. */
const sensitivityInputs = 8;
/** Inputs on which changed answers are counted. */
const flipInputs = 512;

/**
 * Mixed precision by measured sensitivity: each operator is quantized alone and ranked by the noise that it makes in
 * the output; then as few of the worst as the goal needs are kept float, found by bisection. Answers are compared
 * with the float model's, which needs no labels: accuracy lost on these inputs cannot exceed the answers changed.
 * Throws `refused` where the first output is no list of class scores.
 */
export async function chooseKeptFloat(
  goal: NonNullable<StaticRecipe['goal']>,
  bench: Workbench,
  { nodes, emit }: Candidates,
): Promise<Choice> {
  const reference = await bench.once('answers', () =>
    answersOf(bench.folded.model, 'reference', bench, flipInputs),
  );
  const flipsWith = async (kept: readonly string[]): Promise<number> => {
    const answers = await answersOf(emit(new Set(kept)), `mixed-${kept.length}`, bench, flipInputs);
    const flips = answers.filter((answer, i) => answer !== reference[i]).length;
    return (100 * flips) / reference.length;
  };
  bench.onStep('counting changed answers');
  const before = await flipsWith([]);
  const found = `${before.toFixed(2)} points of ${reference.length} answers change with everything quantized`;
  if (before <= goal.maxFlipsPoints) {
    return { keptFloat: new Set(), notes: [`Nothing had to stay float: ${found}.`] };
  }
  const ranked = await rankBySensitivity(nodes, emit, bench);
  const { count, flips } = await findLeast(ranked, goal.maxFlipsPoints, flipsWith, bench);
  const kept = ranked.slice(0, count);
  const listed = `${kept.slice(0, 8).join(', ')}${kept.length > 8 ? ', …' : ''}`;
  return {
    keptFloat: new Set(kept),
    notes: [
      `${count} of ${nodes.length} operators kept float, ${flips.toFixed(2)} points of answers change then; ${found}: ${listed}.`,
    ],
  };
}

/** The smallest number of operators from the front that meets the goal; more are taken to be no worse. */
async function findLeast(
  ranked: readonly string[],
  most: number,
  flipsWith: (kept: readonly string[]) => Promise<number>,
  bench: Workbench,
): Promise<{ readonly count: number; readonly flips: number }> {
  let [low, high, flips] = [0, ranked.length, 0];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    bench.onStep(`trying ${middle} operators in float`);
    const found = await flipsWith(ranked.slice(0, middle));
    if (found <= most) [high, flips] = [middle, found];
    else low = middle;
  }
  return { count: high, flips };
}

/** Operators by the noise that each alone makes in the first output, the worst first. */
async function rankBySensitivity(
  nodes: readonly string[],
  emit: Candidates['emit'],
  bench: Workbench,
): Promise<string[]> {
  const { path, sizeBytes } = await bench.fileOf(bench.folded);
  await using pool = new OrtPool(sizeBytes, bench.limits);
  await pool.open({ slot: 'main', path, optimisation: 'all' });
  const inputs = (): AsyncIterable<Feeds> => bench.samples.feeds(sensitivityInputs);
  const expected = await Array.fromAsync(pool.map(inputs(), (child, feeds) => child.run(feeds)));
  const output = bench.folded.model.graph!.output[0]!.name;
  const measure = async (child: OrtChild, file: string): Promise<number> => {
    await child.open({ slot: 'alone', path: file, optimisation: 'all', threads: 1 });
    await unlink(file);
    let sums = noNoise;
    let i = 0;
    for await (const feeds of inputs()) {
      const outputs = await child.run(feeds, 'alone');
      sums = addNoise(sums, measureNoise(expected[i++]![output]!.data, outputs[output]!.data));
    }
    return sums.nonFinite > 0 ? Number.NEGATIVE_INFINITY : sqnrOf(sums);
  };
  const sensitivities: { node: string; sqnrDb: number }[] = [];
  for await (const sqnrDb of pool.map(writeEachAlone(nodes, emit, bench), measure)) {
    sensitivities.push({ node: nodes[sensitivities.length]!, sqnrDb });
    bench.onStep(`measuring sensitivity ${sensitivities.length} of ${nodes.length}`);
  }
  return sensitivities.sort((a, b) => a.sqnrDb - b.sqnrDb).map(({ node }) => node);
}

/** The class with the highest score in the first output, input by input. */
async function answersOf(
  model: ModelProto,
  name: string,
  bench: Workbench,
  limit: number,
): Promise<number[]> {
  const { path, bytes } = await bench.write(name, model);
  await using pool = new OrtPool(bytes.length, bench.limits);
  await pool.open({ slot: 'main', path, optimisation: 'all' });
  const output = model.graph!.output[0]!.name;
  const answer = async (child: OrtChild, feeds: Feeds): Promise<number> => {
    const { data, dims } = (await child.run(feeds))[output]!;
    if (data.length < 2 || data.length !== dims.at(-1)) throw noClassifier(output, dims);
    return indexOfLargest(data as Float32Array);
  };
  const answers: number[] = [];
  for await (const found of pool.map(bench.samples.feeds(limit), answer)) answers.push(found);
  return answers;
}

function indexOfLargest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

function noClassifier(output: string, dims: readonly number[]): QfleetError {
  return new QfleetError(
    'refused',
    `A goal in changed answers needs class scores, output "${output}" is [${dims.join(', ')}].`,
    { hint: 'Name the nodes to keep float in a recipe instead (keepFloat).' },
  );
}

/** Files in which one operator alone is quantized, written when they are wanted. */
async function* writeEachAlone(
  nodes: readonly string[],
  emit: Candidates['emit'],
  bench: Workbench,
): AsyncGenerator<string> {
  for (const [i, node] of nodes.entries()) {
    const others = new Set(nodes.filter((other) => other !== node));
    yield (await bench.write(`alone-${i}`, emit(others))).path;
  }
}
