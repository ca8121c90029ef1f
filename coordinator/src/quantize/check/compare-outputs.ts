import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { inferShapes } from '../../onnx/shapes.ts';
import { OrtChild, type OrtChildOptions } from '../../ort/ort-child.ts';
import type { Feeds, Outputs, SessionMetadata } from '../../ort/ort-messages.ts';
import {
  type CalibrationSamples,
  maxComparisonBytes,
  maxComparisons,
} from '../calibration/calibration-samples.ts';
import { findNonFiniteCause } from '../calibration/explain-non-finite.ts';
import { generateInputs, openSizes } from '../calibration/generate-inputs.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { OutputNoise } from './output-noise.ts';

/** What the original model gives for some inputs. */
export interface Reference {
  readonly inputs: () => AsyncIterable<Feeds>;
  readonly outputs: readonly Outputs[];
  /** `made-up` where there is no dataset that feeds the model. */
  readonly kind: 'calibration' | 'made-up';
  /** False where the model answers the same input otherwise the second time. */
  readonly isRepeatable: boolean;
}

export interface OutputComparison {
  /** Of the output that differs most, dB; absent where there is no difference, and where inputs are made up. */
  readonly sqnrDb: number | undefined;
  readonly notes: readonly string[];
}

/** Below this folding has changed more than rounding: fp32 on two machines agrees to about 100 dB. */
const foldingNoiseFloorDb = 80;

/** Below this two answers to one input differ by more than the order of sums. */
const repeatedNoiseFloorDb = 60;

const comparedInFloat32 =
  'Compared as this machine computes it: in float32 wherever its ONNX Runtime has no float16 kernel.';

/** The original model's outputs for calibration inputs, as many as the memory bound allows, or for made-up ones. */
export async function runReference(
  sourcePath: string,
  samples: CalibrationSamples,
  limits: OrtChildOptions,
): Promise<Reference> {
  await using child = OrtChild.take(limits);
  const metadata = await child.open({ path: sourcePath, optimisation: 'all' });
  if (!samples.canFeed) return await runMadeUp(child, metadata);
  const outputs: Outputs[] = [];
  let isRepeatable = true;
  let bytes = 0;
  for await (const feeds of samples.feeds(maxComparisons)) {
    const found = await child.run(feeds);
    for (const { data } of Object.values(found)) bytes += data.byteLength;
    if (outputs.length > 0 && bytes > maxComparisonBytes) break;
    if (outputs.length === 0) isRepeatable = isSame(found, await child.run(feeds));
    outputs.push(found);
  }
  return { inputs: () => samples.feeds(outputs.length), outputs, kind: 'calibration', isRepeatable };
}

/** Sizes for open dimensions are tried until the model takes one; where it takes none, nothing is compared. */
async function runMadeUp(child: OrtChild, metadata: SessionMetadata): Promise<Reference> {
  for (const size of openSizes) {
    const feeds = generateInputs(metadata, size);
    const outputs = await child.run(feeds).catch(refusedOnly);
    if (!outputs) continue;
    const isRepeatable = isSame(outputs, await child.run(feeds));
    return { inputs: () => once(feeds), outputs: [outputs], kind: 'made-up', isRepeatable };
  }
  return { inputs: none, outputs: [], kind: 'made-up', isRepeatable: true };
}

/** Threads may add in another order, which is no other answer. */
function isSame(first: Outputs, second: Outputs): boolean {
  const noise = new OutputNoise();
  noise.add(first, second);
  const worst = noise.worst();
  return !worst || worst.sqnrDb > repeatedNoiseFloorDb;
}

async function* once(feeds: Feeds): AsyncGenerator<Feeds> {
  yield feeds;
}

async function* none(): AsyncGenerator<Feeds> {}

/** A refusal of these inputs is no failure; a crash is. */
function refusedOnly(thrown: unknown): undefined {
  if (thrown instanceof QfleetError && thrown.code === 'refused') return undefined;
  throw thrown;
}

/**
 * Loads the file as a device would, runs it, and compares its outputs with the reference. Throws `refused` where an output
 * is not finite that the model's is, naming the operator at which that begins.
 */
export async function compareOutputs(
  { path, model }: { readonly path: string; readonly model: ModelProto },
  recipe: Recipe,
  reference: Reference,
  limits: OrtChildOptions,
): Promise<OutputComparison> {
  await using child = OrtChild.take(limits);
  await child.open({ path, optimisation: 'all' });
  const noise = new OutputNoise();
  let first: Feeds | undefined;
  let i = 0;
  for await (const feeds of reference.inputs()) {
    noise.add(reference.outputs[i++]!, await child.run(feeds));
    if (noise.nonFinite().length > 0) first ??= feeds;
  }
  if (first && noise.isBroken) throw await brokenOutput(noise, { recipe, model, feeds: first }, limits);
  return describeNoise(noise, recipe, reference);
}

async function brokenOutput(
  noise: OutputNoise,
  { recipe, model, feeds }: { readonly recipe: Recipe; readonly model: ModelProto; readonly feeds: Feeds },
  limits: OrtChildOptions,
): Promise<QfleetError> {
  const { name, count } = noise.nonFinite().find(({ referenceCount }) => referenceCount === 0)!;
  const types = await inferShapes(model, limits);
  const found = await findNonFiniteCause({ model, types, tensor: name, feeds }, limits).catch(refusedOnly);
  return new QfleetError(
    'refused',
    `Recipe ${recipe.id} gives ${count} NaN or infinite values in output "${name}", where the model's are finite` +
      `${found ? `: ${found.cause}` : ''}.`,
    { hint: 'Keep that operator, or what feeds it, float (keepFloat in a recipe of your own).' },
  );
}

function describeNoise(noise: OutputNoise, recipe: Recipe, { outputs, kind }: Reference): OutputComparison {
  const worst = noise.worst();
  if (!worst)
    return {
      sqnrDb: undefined,
      notes: ['Loaded and not run: the model took no inputs that could be made up.'],
    };
  if (kind === 'made-up') return { sqnrDb: undefined, notes: ['Loaded and run on made-up inputs.'] };
  if (!Number.isFinite(worst.sqnrDb))
    return { sqnrDb: undefined, notes: equalOrSilent(worst.sqnrDb, outputs.length) };
  const notes = [`Output SQNR over ${outputs.length} calibration inputs, of output "${worst.name}".`];
  for (const { name, count, referenceCount } of noise.nonFinite()) {
    notes.push(
      `${count} values of output "${name}" are NaN or infinite where the model's are finite; of the model's own ${referenceCount} are.`,
    );
  }
  if (recipe.scheme === 'float16') notes.push(comparedInFloat32);
  if (recipe.scheme === 'float32' && worst.sqnrDb < foldingNoiseFloorDb) {
    notes.push(`Folding changed outputs by more than rounding: ${worst.sqnrDb.toFixed(1)} dB.`);
  }
  return { sqnrDb: worst.sqnrDb, notes };
}

function equalOrSilent(sqnrDb: number, count: number): string[] {
  return sqnrDb > 0
    ? [`Outputs equal the model's on ${count} inputs, bit for bit.`]
    : [`The model's outputs are all 0 on ${count} inputs: no output SQNR.`];
}
