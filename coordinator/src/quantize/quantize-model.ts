import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clone, create } from '@bufbuild/protobuf';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type ModelProto, ModelProtoSchema, StringStringEntryProtoSchema } from '../../gen/onnx/onnx_pb.js';
import type { VariantRecord } from '../artefacts/artefacts.ts';
import { readModel } from '../onnx/read-model.ts';
import { inferShapes } from '../onnx/shapes.ts';
import { writeModel } from '../onnx/write-model.ts';
import { calibrate } from './calibrate.ts';
import { CalibrationSamples, maxComparisons, type SampleSource } from './calibration-samples.ts';
import type { Ranges } from './choose-activation-scales.ts';
import { compareOutputs, type Evidence, runReference } from './compare-outputs.ts';
import { foldModel } from './fold-model.ts';
import { listCalibrationTensors } from './list-calibration-tensors.ts';
import type { OrtChildOptions } from './ort-child.ts';
import { refuseQuantized } from './quantize-qdq.ts';
import { findRecipe } from './recipes/find-recipe.ts';
import type { Recipe, RecipeInput } from './recipes/recipe.ts';

/** Calibration may be absent where no recipe needs it; then nothing is compared either. */
export interface QuantizeOptions extends SampleSource {
  readonly modelPath: string;
  /** Ids; see `recipes/`. */
  readonly recipes: readonly string[];
  readonly outDir: string;
  /** Fraction 0…1 of the whole. */
  readonly onProgress?: (step: string, fraction: number) => void;
  readonly memoryLimitBytes?: number;
}

/** A variant's file, checked to load, and what to keep beside it. */
export interface QuantizedVariant {
  readonly recipe: string;
  /** `outDir/RECIPE.onnx` */
  readonly path: string;
  readonly sizeBytes: number;
  readonly digest: Digest;
  readonly record: VariantRecord;
  /** What `record.calibration` refers to by digest; absent without calibration. */
  readonly blobs?: {
    /** One line of 64 hexadecimal digits per calibration item. */
    readonly sampleDigests: Uint8Array;
    /** Ranges by tensor name, canonical JSON. */
    readonly ranges: Uint8Array;
  };
}

/**
 * Makes variants of a float32 model: folds it, calibrates once for all recipes, applies each, loads each file in
 * a child process, compares its outputs with the original model's. What fails leaves no file behind. Throws
 * `refused` with the reason where model, data or recipe do not fit, `cancelled` by the signal.
 */
export async function quantizeModel(options: QuantizeOptions): Promise<QuantizedVariant[]> {
  const recipes = [...new Set(options.recipes.map(findRecipe))];
  const needsCalibration = recipes.some((recipe) => recipe.needsCalibration);
  if (needsCalibration && !options.calibration) {
    throw new QfleetError('invalid-argument', 'These recipes need calibration inputs.', {
      hint: 'Name a dataset.',
    });
  }
  await mkdir(options.outDir, { recursive: true });
  const workDir = await mkdtemp(join(options.outDir, '.work-'));
  try {
    return await makeVariants(recipes, { ...options, workDir });
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

interface Work extends QuantizeOptions {
  readonly workDir: string;
}

async function makeVariants(recipes: readonly Recipe[], work: Work): Promise<QuantizedVariant[]> {
  const limits = childOptions(work);
  work.onProgress?.('reading the model', 0);
  const { model, bytes } = await readModel(work.modelPath);
  refuseQuantized(model);
  const sourcePath = join(work.workDir, 'source.onnx');
  await writeFile(sourcePath, bytes);
  work.onProgress?.('folding', 0.02);
  const folded = await foldModel(model, work.workDir, limits);
  const types = await inferShapes(folded, limits);
  const samples = new CalibrationSamples(folded, work);
  const needsCalibration = recipes.some((recipe) => recipe.needsCalibration);
  const tensors = needsCalibration ? listCalibrationTensors(folded, types) : [];
  const ranges = await readSamples(samples, { folded, tensors, work });
  work.onProgress?.('running the model', 0.72);
  const reference = await runReference(sourcePath, samples, limits);
  const variants: QuantizedVariant[] = [];
  for (const [i, recipe] of recipes.entries()) {
    work.onProgress?.(`making ${recipe.id}`, 0.76 + (0.24 * i) / recipes.length);
    variants.push(await makeVariant(recipe, { folded, types, ranges }, { samples, reference, limits, work }));
  }
  work.onProgress?.('done', 1);
  return variants;
}

interface VariantEvidence extends Evidence {
  readonly work: Work;
}

async function makeVariant(
  recipe: Recipe,
  input: RecipeInput,
  evidence: VariantEvidence,
): Promise<QuantizedVariant> {
  const { samples, work } = evidence;
  const output = recipe.apply(recipe.needsCalibration ? input : { ...input, ranges: {} });
  const calibration = recipe.needsCalibration ? describeCalibration(samples, input.ranges, work) : undefined;
  const bytes = writeModel(stamp(output.model, recipe, calibration?.record.rangesBlob));
  const candidatePath = join(work.workDir, `${recipe.id}.onnx`);
  await writeFile(candidatePath, bytes);
  const comparison = await compareOutputs(candidatePath, recipe, evidence);
  const path = join(work.outDir, `${recipe.id}.onnx`);
  await rename(candidatePath, path);
  return {
    recipe: recipe.id,
    path,
    sizeBytes: bytes.length,
    digest: digestBytes(bytes),
    record: {
      recipe: recipe.id,
      format: recipe.format,
      granularity: recipe.granularity,
      ...(calibration ? { calibration: calibration.record } : {}),
      quantizedOperators: output.quantizedOperators,
      floatOperators: output.floatOperators,
      ...(comparison.sqnrDb === undefined ? {} : { outputSqnrDb: comparison.sqnrDb }),
      notes: [...output.notes, ...comparison.notes],
    },
    ...(calibration ? { blobs: calibration.blobs } : {}),
  };
}

/** Calibrates where a recipe needs it; else reads only as many items as the comparison takes. */
async function readSamples(
  samples: CalibrationSamples,
  {
    folded,
    tensors,
    work,
  }: { readonly folded: ModelProto; readonly tensors: readonly string[]; readonly work: Work },
): Promise<Ranges> {
  if (tensors.length === 0) {
    for await (const _ of samples.feeds()) if (samples.digests.length >= maxComparisons) break;
    return {};
  }
  const total = work.calibration?.count ?? 0;
  const onInput = (done: number): void => {
    const share = total > 0 ? Math.min(1, done / total) : 0;
    work.onProgress?.(`calibrating ${done}${total > 0 ? ` of ${total}` : ''}`, 0.1 + 0.6 * share);
  };
  return await calibrate(folded, samples.feeds(), { ...childOptions(work), tensors, onInput });
}

function describeCalibration(
  samples: CalibrationSamples,
  ranges: Ranges,
  work: Work,
): { record: NonNullable<VariantRecord['calibration']>; blobs: NonNullable<QuantizedVariant['blobs']> } {
  const sampleDigests = Buffer.from(samples.digests.map((digest) => `${digest}\n`).join(''));
  const rangesJson = Buffer.from(canonicalJson(ranges));
  return {
    record: {
      datasetDigest: work.calibration!.datasetDigest,
      method: 'min-max',
      count: samples.digests.length,
      samplesDigest: digestBytes(samples.digests.join('')),
      sampleDigestsBlob: digestBytes(sampleDigests),
      rangesBlob: digestBytes(rangesJson),
    },
    blobs: { sampleDigests, ranges: rangesJson },
  };
}

/** Says in the file itself how it was made. */
function stamp(model: ModelProto, recipe: Recipe, rangesDigest: string | undefined): ModelProto {
  const stamped = clone(ModelProtoSchema, model);
  const entries = { 'qfleet.recipe': recipe.id, ...(rangesDigest ? { 'qfleet.ranges': rangesDigest } : {}) };
  stamped.producerName = 'qfleet';
  stamped.producerVersion = '';
  stamped.metadataProps = [
    ...stamped.metadataProps.filter(({ key }) => !key.startsWith('qfleet.')),
    ...Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  ];
  return stamped;
}

function childOptions(work: QuantizeOptions): OrtChildOptions {
  return { signal: work.signal, memoryLimitBytes: work.memoryLimitBytes };
}
