import { unlink } from 'node:fs/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { binomialCumulative } from '@qfleet/shared/statistics/binomial.ts';
import { clopperPearson } from '@qfleet/shared/statistics/clopper-pearson.ts';
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
  /** That the goal is missed. */
  readonly warnings?: readonly string[];
}

interface Candidates {
  /** Multiply-accumulate operators, in graph order. */
  readonly nodes: readonly string[];
  /** Float32 elements of each one's weights. */
  readonly weightsOf: (node: string) => number;
  /** The model with these kept float and all others integer. */
  readonly emit: (keptFloat: ReadonlySet<string>) => ModelProto;
}

/** Inputs on which one operator's effect is measured: its rank among the others needs no more. */
const sensitivityInputs = 8;
/** Inputs on which changed answers are counted. */
const flipInputs = 512;

/**
 * Mixed precision by measured sensitivity: each operator is quantized alone; those that make most noise in the output
 * for the bytes that keeping them float costs come first, and as few of them as the goal needs are kept float, found
 * by bisection, within the goal's size. Answers are compared with the float model's, which needs no labels: accuracy
 * lost on these inputs cannot exceed the answers changed. The goal is met where the inputs do not show, at 95 %
 * confidence, that more answers change. Throws `refused` where the first output is no list of class scores.
 */
export async function chooseKeptFloat(
  goal: NonNullable<StaticRecipe['goal']>,
  bench: Workbench,
  candidates: Candidates,
): Promise<Choice> {
  const { nodes, emit } = candidates;
  const reference = await bench.once('answers', () =>
    answersOf(bench.folded.model, 'reference', bench, flipInputs),
  );
  const countFlips = async (kept: readonly string[]): Promise<Flips> => {
    const answers = await answersOf(emit(new Set(kept)), `mixed-${kept.length}`, bench, flipInputs);
    return { changed: answers.filter((answer, i) => answer !== reference[i]).length, of: reference.length };
  };
  bench.onStep('counting changed answers');
  const before = await countFlips([]);
  const found = `${describeFlips(before)} with everything quantized`;
  const resolution = describeResolution(goal.maxFlipsPoints, reference.length);
  if (isWithin(before, goal.maxFlipsPoints))
    return { keptFloat: new Set(), notes: [`Nothing had to stay float: ${found}.`, ...resolution] };
  const ranked = await rankByNoisePerByte(candidates, bench);
  const affordable = withinSize(ranked, goal.maxSizeRatio);
  const { count, flips } = await findLeast(affordable, goal.maxFlipsPoints, countFlips, bench);
  const kept = affordable.slice(0, count);
  const listed = `${kept.slice(0, 8).join(', ')}${kept.length > 8 ? ', …' : ''}`;
  const missed = isWithin(flips, goal.maxFlipsPoints)
    ? []
    : [
        `The goal of ${goal.maxFlipsPoints} points is not met: more operators in float would make the weights larger than ${100 * goal.maxSizeRatio} % of the float32 model's.`,
      ];
  return {
    keptFloat: new Set(kept),
    notes: [
      `${count} of ${nodes.length} operators kept float, ${describeFlips(flips)} then; ${found}: ${listed}.`,
      ...resolution,
    ],
    warnings: missed,
  };
}

/** Answers that differ from the float model's. */
interface Flips {
  readonly changed: number;
  readonly of: number;
}

/** Chance of calling a goal missed that is met. */
const significance = 0.05;

/** Whether so many changed answers may come of a share within the goal: an exact one-sided binomial test. */
function isWithin({ changed, of }: Flips, maxFlipsPoints: number): boolean {
  return 1 - binomialCumulative(changed - 1, of, maxFlipsPoints / 100) > significance;
}

function describeFlips({ changed, of }: Flips): string {
  const { low, high } = clopperPearson(changed, of);
  const points = (share: number): string => (100 * share).toFixed(2);
  return `${points(changed / of)} points [${points(low)}, ${points(high)}] of ${of} answers change`;
}

/** What is said of a sample in which no change at all would not prove the goal. */
function describeResolution(maxFlipsPoints: number, inputs: number): string[] {
  const needed = Math.ceil(Math.log(significance) / Math.log1p(-maxFlipsPoints / 100));
  if (maxFlipsPoints === 0 || inputs >= needed) return [];
  const bound = 100 * (1 - significance ** (1 / inputs));
  return [
    `${inputs} inputs cannot prove a goal of ${maxFlipsPoints} points: without one change as many as ${bound.toFixed(2)} points are possible (95 %); it takes ${needed} inputs.`,
  ];
}

/** Operators from the front, leaving out what would make the file too large. */
function withinSize({ ranked, floatBytes }: Ranking, maxSizeRatio: number): string[] {
  let bytes = floatBytes / 4;
  return ranked.flatMap(({ node, extraBytes }) => {
    if (bytes + extraBytes > maxSizeRatio * floatBytes) return [];
    bytes += extraBytes;
    return [node];
  });
}

/** The smallest number of operators from the front that meets the goal, or all; more are taken to be no worse. */
async function findLeast(
  affordable: readonly string[],
  most: number,
  countFlips: (kept: readonly string[]) => Promise<Flips>,
  bench: Workbench,
): Promise<{ readonly count: number; readonly flips: Flips }> {
  let [low, high] = [0, affordable.length];
  let flips = await countFlips(affordable);
  while (high - low > 1 && isWithin(flips, most)) {
    const middle = Math.floor((low + high) / 2);
    bench.onStep(`trying ${middle} operators in float`);
    const found = await countFlips(affordable.slice(0, middle));
    if (isWithin(found, most)) [high, flips] = [middle, found];
    else low = middle;
  }
  return { count: high, flips };
}

interface RankedNode {
  readonly node: string;
  /** What the weights grow by where it stays float: three bytes for each. */
  readonly extraBytes: number;
}

interface Ranking {
  readonly ranked: readonly RankedNode[];
  /** All weights in float32. */
  readonly floatBytes: number;
}

/** An operator kept float costs something besides bytes: conversions around it, and time. As much as this share of the model. */
const costShare = 0.02;

/** Operators by the noise that each alone makes in the first output, for the bytes that it saves, the worst first. */
async function rankByNoisePerByte(
  { nodes, weightsOf, emit }: Candidates,
  bench: Workbench,
): Promise<Ranking> {
  const floatBytes = 4 * nodes.reduce((sum, node) => sum + weightsOf(node), 0);
  const { path, sizeBytes } = await bench.fileOf(bench.folded);
  await using pool = new OrtPool(sizeBytes, bench.limits);
  await pool.open({ slot: 'main', path, optimisation: 'all' });
  const inputs = (): AsyncIterable<Feeds> => bench.samples.feeds(sensitivityInputs);
  const expected = await Array.fromAsync(pool.map(inputs(), (child, feeds) => child.run(feeds)));
  const output = bench.folded.model.graph!.output[0]!.name;
  const measure = async (child: OrtChild, file: WrittenFile): Promise<RankedNode & { noise: number }> => {
    await child.open({ slot: 'alone', path: file.path, optimisation: 'all', threads: 1 });
    await unlink(file.path);
    let sums = noNoise;
    let i = 0;
    for await (const feeds of inputs()) {
      const outputs = await child.run(feeds, 'alone');
      sums = addNoise(sums, measureNoise(expected[i++]![output]!.data, outputs[output]!.data));
    }
    return {
      node: file.node,
      extraBytes: 3 * weightsOf(file.node),
      noise: sums.nonFinite > 0 ? Number.POSITIVE_INFINITY : 10 ** (-sqnrOf(sums) / 10),
    };
  };
  const measured: (RankedNode & { noise: number })[] = [];
  for await (const found of pool.map(writeEachAlone(nodes, emit, bench), measure)) {
    measured.push(found);
    bench.onStep(`measuring sensitivity ${measured.length} of ${nodes.length}`);
  }
  const worth = ({ noise, extraBytes }: (typeof measured)[number]): number =>
    noise / (extraBytes + costShare * floatBytes + 1);
  return { ranked: measured.sort((a, b) => worth(b) - worth(a)), floatBytes };
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

interface WrittenFile {
  readonly node: string;
  readonly path: string;
}

/** Files in which one operator alone is quantized, written when they are wanted. */
async function* writeEachAlone(
  nodes: readonly string[],
  emit: Candidates['emit'],
  bench: Workbench,
): AsyncGenerator<WrittenFile> {
  for (const [i, node] of nodes.entries()) {
    const others = new Set(nodes.filter((other) => other !== node));
    yield { node, path: (await bench.write(`alone-${i}`, emit(others))).path };
  }
}
