import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import type { QfleetError } from '@qfleet/shared/errors.ts';
import { type GraphProto, type ModelProto, StringStringEntryProtoSchema } from '../../gen/onnx/onnx_pb.js';
import type { LayerCheck, VariantRecord } from '../artefacts/artefacts.ts';
import { describeFormat } from '../artefacts/describe-format.ts';
import { copyModel } from '../onnx/copy-model.ts';
import { predictKernels } from '../onnx/predict-kernels.ts';
import { readModel } from '../onnx/read-model.ts';
import { scanSaturation, summariseRisk } from '../onnx/scan-saturation.ts';
import { inferShapes } from '../onnx/shapes.ts';
import { IdleChildren } from '../ort/idle-children.ts';
import type { OrtChildOptions } from '../ort/ort-child.ts';
import { absorbGemmFactors } from './absorb-gemm-factors.ts';
import { type CalibrationCache, noCache } from './calibration/calibration-cache.ts';
import { CalibrationSamples, type SampleSource } from './calibration/calibration-samples.ts';
import { describeObserver, type ObserverSpec } from './calibration/observers/observer.ts';
import { checkLayers } from './check/check-layers.ts';
import { compareOutputs, type Reference, runReference } from './check/compare-outputs.ts';
import { findRandomOperators } from './check/find-random-operators.ts';
import { warnOfVariant } from './check/warn-of-variant.ts';
import { convertModel } from './convert-model.ts';
import type { ConvertedModel } from './converted-model.ts';
import { wantedForFloat16 } from './float16/find-overflows.ts';
import { foldModel } from './fold-model.ts';
import { isRefusal } from './is-refusal.ts';
import { judgeTargets } from './profiles/find-profile.ts';
import type { Recipe } from './recipes/recipe.ts';
import { restoreGlobalPooling } from './restore-global-pooling.ts';
import type { Ranges } from './static/choose-activation-scales.ts';
import { announceStatic, type StaticConversion } from './static/convert-static.ts';
import { refuseQuantized } from './static/quantize-static.ts';
import { Workbench } from './workbench.ts';

/** Calibration may be absent where no recipe needs it; then nothing is compared but that the file runs. */
export interface QuantizeOptions extends SampleSource {
  readonly modelPath: string;
  readonly recipes: readonly Recipe[];
  readonly outDir: string;
  /** Fraction 0…1 of the whole. */
  readonly onProgress?: (step: string, fraction: number) => void;
  readonly memoryLimitBytes?: number;
  /** Where calibration statistics are kept for the next time. */
  readonly cache?: CalibrationCache;
}

/** A variant's file, checked to load and run, and what to keep beside it. */
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

/** A recipe that does not fit the model or its data. */
export interface RefusedRecipe {
  readonly recipe: string;
  readonly error: QfleetError;
}

export interface Quantization {
  readonly variants: readonly QuantizedVariant[];
  readonly refused: readonly RefusedRecipe[];
  /** About the model itself. */
  readonly warnings: readonly string[];
}

/** Share of the progress up to the first recipe. */
const preparingShare = 0.1;

/**
 * Makes variants of a float32 model: folds it, calibrates once for all recipes, applies each, loads and runs each file
 * in a child process, compares its outputs with the original model's. A recipe that does not fit is refused with its
 * reason and leaves no file; the others go on. Throws `refused` where the model itself does not fit, `cancelled` by
 * the signal.
 */
export async function quantizeModel(options: QuantizeOptions): Promise<Quantization> {
  await mkdir(options.outDir, { recursive: true });
  const workDir = await mkdtemp(join(options.outDir, '.work-'));
  await using idle = new IdleChildren();
  try {
    return await makeVariants({ ...options, workDir, idle });
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

interface Work extends QuantizeOptions {
  readonly workDir: string;
  readonly idle: IdleChildren;
}

async function makeVariants(work: Work): Promise<Quantization> {
  const { recipes, onProgress } = work;
  let fraction = 0;
  const onStep = (step: string): void => onProgress?.(step, fraction);
  onStep('reading the model');
  const { bench, reference } = await prepareBench(work, onStep);
  fraction = preparingShare;
  const refusals = new Map<Recipe, QfleetError>();
  for (const recipe of recipes) {
    if (recipe.scheme === 'float16' && bench.samples.canFeed)
      bench.announce(bench.folded, wantedForFloat16(bench.folded));
    if (recipe.scheme !== 'static') continue;
    await announceStatic(recipe, bench).catch((thrown: unknown) => refusals.set(recipe, refusalOf(thrown)));
  }
  const variants: QuantizedVariant[] = [];
  for (const [i, recipe] of recipes.entries()) {
    fraction = preparingShare + ((1 - preparingShare) * i) / recipes.length;
    if (refusals.has(recipe)) continue;
    onStep(`making ${recipe.id}`);
    await makeVariant(recipe, { bench, reference, work }).then(
      (variant) => variants.push(variant),
      (thrown: unknown) => refusals.set(recipe, refusalOf(thrown)),
    );
  }
  onProgress?.('done', 1);
  return {
    variants,
    refused: [...refusals].map(([recipe, error]) => ({ recipe: recipe.id, error })),
    warnings: reference.isRepeatable ? [] : [warnOfRandomness(bench.folded.model.graph!)],
  };
}

function warnOfRandomness(graph: GraphProto): string {
  const random = findRandomOperators(graph);
  const because = random.length === 0 ? '' : ` (${random.join(', ')})`;
  return `The model gives other outputs for the same input each time${because}: every comparison with it is noise, output SQNR and observers included.`;
}

function refusalOf(thrown: unknown): QfleetError {
  if (isRefusal(thrown)) return thrown;
  throw thrown;
}

async function prepareBench(
  work: Work,
  onStep: (step: string) => void,
): Promise<{ readonly bench: Workbench; readonly reference: Reference }> {
  const limits = childOptions(work);
  const { model, bytes } = await readModel(work.modelPath);
  refuseQuantized(model);
  const sourcePath = join(work.workDir, 'source.onnx');
  await writeFile(sourcePath, bytes);
  onStep('folding');
  const folded = await foldModel(model, work.workDir, limits);
  absorbGemmFactors(folded);
  const found = await inferShapes(folded, limits);
  const types = restoreGlobalPooling(folded, found) ? await inferShapes(folded, limits) : found;
  const samples = new CalibrationSamples(folded, work);
  const bench = new Workbench({
    folded: { model: folded, types },
    samples,
    source: work,
    limits,
    workDir: work.workDir,
    cache: work.cache ?? noCache,
    onStep,
  });
  onStep('running the model');
  return { bench, reference: await runReference(sourcePath, samples, limits) };
}

interface Making {
  readonly bench: Workbench;
  readonly reference: Reference;
  readonly work: Work;
}

async function makeVariant(recipe: Recipe, { bench, reference, work }: Making): Promise<QuantizedVariant> {
  const made = await convertModel(recipe, bench);
  const calibration =
    made.ranges && made.observer ? describeCalibration(made.observer, made.ranges, work) : undefined;
  const stamped = stamp(made.model, recipe, calibration?.record);
  const { path: candidatePath, bytes } = await bench.write(`variant-${recipe.id}`, stamped);
  bench.onStep(`checking ${recipe.id}`);
  const comparison = await compareOutputs(
    { path: candidatePath, model: stamped },
    recipe,
    reference,
    bench.limits,
  );
  const layerCheck = await checkStatic(made, candidatePath, bench);
  const path = join(work.outDir, `${recipe.id}.onnx`);
  await rename(candidatePath, path);
  const { format, granularity, symmetry, placement, folding } = describeFormat(stamped);
  const saturation = scanSaturation(stamped);
  const warnings = [
    ...warnOfVariant({
      recipe,
      sizeBytes: bytes.length,
      floatSizeBytes: (await bench.fileOf(bench.folded)).sizeBytes,
      sqnrDb: reference.isRepeatable ? comparison.sqnrDb : undefined,
    }),
    ...(made.warnings ?? []),
  ];
  return {
    recipe: recipe.id,
    path,
    sizeBytes: bytes.length,
    digest: digestBytes(bytes),
    record: {
      recipe: recipe.id,
      spec: recipe,
      ...{ format, granularity, symmetry, placement, folding },
      ...(calibration ? { calibration: calibration.record } : {}),
      quantizedOperators: made.quantizedOperators,
      floatOperators: made.floatOperators,
      targets: judgeTargets(recipe),
      saturation: summariseRisk(saturation),
      kernels: Object.fromEntries(predictKernels(stamped.graph!, stamped.functions)),
      ...(comparison.sqnrDb === undefined ? {} : { outputSqnrDb: comparison.sqnrDb }),
      ...(layerCheck ? { layerCheck } : {}),
      ...(warnings.length > 0 ? { warnings } : {}),
      notes: [...made.notes, ...comparison.notes],
    },
    ...(calibration ? { blobs: calibration.blobs } : {}),
  };
}

async function checkStatic(
  { source, activations }: ConvertedModel & Partial<StaticConversion>,
  path: string,
  bench: Workbench,
): Promise<LayerCheck | undefined> {
  if (!source || !activations) return undefined;
  return await checkLayers({ path, source, activations }, bench);
}

function describeCalibration(
  observer: ObserverSpec,
  ranges: Ranges,
  { calibration }: Work,
): { record: NonNullable<VariantRecord['calibration']>; blobs: NonNullable<QuantizedVariant['blobs']> } {
  const { datasetDigest, itemDigests } = calibration!;
  const sampleDigests = Buffer.from(itemDigests.map((digest) => `${digest}\n`).join(''));
  const rangesJson = Buffer.from(canonicalJson(ranges));
  return {
    record: {
      datasetDigest,
      method: describeObserver(observer),
      count: itemDigests.length,
      samplesDigest: digestBytes(itemDigests.join('')),
      sampleDigestsBlob: digestBytes(sampleDigests),
      rangesBlob: digestBytes(rangesJson),
    },
    blobs: { sampleDigests, ranges: rangesJson },
  };
}

/** Says in the file itself how it was made: the recipe, the calibration set and method, the ranges by their digest. */
function stamp(model: ModelProto, recipe: Recipe, calibration: VariantRecord['calibration']): ModelProto {
  const stamped = copyModel(model);
  const entries = {
    'qfleet.recipe': recipe.id,
    'qfleet.spec': canonicalJson({ ...recipe, description: undefined }),
    ...(calibration
      ? {
          'qfleet.calibration.dataset': calibration.datasetDigest,
          'qfleet.calibration.samples': calibration.samplesDigest,
          'qfleet.calibration.method': calibration.method,
          'qfleet.ranges': calibration.rangesBlob,
        }
      : {}),
  };
  stamped.producerName = 'qfleet';
  stamped.producerVersion = '';
  stamped.metadataProps = [
    ...stamped.metadataProps.filter(({ key }) => !key.startsWith('qfleet.')),
    ...Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  ];
  return stamped;
}

function childOptions({ signal, memoryLimitBytes, idle, workDir }: Work): OrtChildOptions {
  return { signal, memoryLimitBytes, idle, tempDir: workDir };
}
