import { parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { createRandom, shuffle } from '@qfleet/shared/random.ts';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import { type PreparedDataset, prepareDataset } from '../artefacts/prepare-dataset.ts';
import { readItems } from '../artefacts/read-split.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { makeTempFolder } from '../files/make-temp-folder.ts';
import { findDataset, findModel } from '../main/find-by-name.ts';
import type { CalibrationCache } from '../quantize/calibration/calibration-cache.ts';
import { type CalibrationFacts, warnOfCalibration } from '../quantize/calibration/warn-of-calibration.ts';
import {
  type Quantization,
  type QuantizedVariant,
  quantizeModel,
  type RefusedRecipe,
} from '../quantize/quantize-model.ts';
import type { Recipe } from '../quantize/recipes/recipe.ts';
import { resolveRecipes } from '../quantize/recipes/resolve-recipes.ts';
import type { Store } from '../store/store.ts';
import { type Quantized, quantizeSchema } from './task-params.ts';
import type { TaskContext, TaskKind } from './task-worker.ts';

interface Parts {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly cache: CalibrationCache;
  /** For what is made on the way; the system's by default. */
  readonly tempDir?: string | undefined;
}

/** Preparing the calibration inputs is this much of the work. */
const preparingShare = 0.1;

/**
 * The task kind `quantize`: parameters as `POST /v1/quantize`, result `quantizedSchema`. After a restart it begins
 * anew and goes on from the statistics that are in the cache. Fails where not one recipe fits.
 */
export function createQuantizeTask(parts: Parts): TaskKind {
  return {
    kind: 'quantize',
    run: async (params, context): Promise<Quantized> => {
      const order = quantizeSchema.parse(params);
      const recipes = resolveRecipes(order.recipes);
      const model = await findModel(parts.store, order.model);
      const dataset =
        order.calibration === undefined ? undefined : await findDataset(parts.store, order.calibration);
      const prepared =
        dataset &&
        (await prepareCalibration(
          { model, dataset, limit: order.resamples > 0 ? 0 : order.limit },
          parts,
          context,
        ));
      const sets = prepared ? drawSets(prepared, order) : [undefined];
      const variants: Variant[] = [];
      let refused: readonly RefusedRecipe[] = [];
      const warnings = new Set<string>();
      for (const [i, set] of sets.entries()) {
        const onProgress: TaskContext['onProgress'] = (step, fraction) =>
          context.onProgress(
            sets.length > 1 ? `calibration set ${i + 1} of ${sets.length}: ${step}` : step,
            (i + fraction) / sets.length,
          );
        if (set && dataset)
          for (const warning of warnOfCalibration(
            await calibrationFacts(set, { model, dataset }, parts.blobs),
          ))
            warnings.add(warning);
        const made = await makeVariants({ model, recipes, prepared: set }, parts, { ...context, onProgress });
        variants.push(...made.variants);
        refused = made.refused;
        for (const warning of made.warnings) warnings.add(warning);
      }
      if (variants.length === 0) throw noneFits(refused);
      return {
        variants: variants.map(describeVariant),
        warnings: [...warnings],
        refused: refused.map(describeRefusal),
      };
    },
  };
}

/** Calibration inputs of one quantization: all that were prepared, or a random set of them. */
interface CalibrationSet {
  readonly prepared: PreparedDataset;
  /** Places of the items in the split, ascending. */
  readonly chosen: readonly number[];
  readonly resample: { readonly seed: number; readonly pool: number } | undefined;
}

/** The sets to calibrate with. Throws `invalid-argument` where random sets would all be the same. */
function drawSets(
  prepared: PreparedDataset,
  { resamples, limit }: { readonly resamples: number; readonly limit: number },
): CalibrationSet[] {
  const all = Array.from({ length: prepared.count }, (_, i) => i);
  if (resamples === 0) return [{ prepared, chosen: all, resample: undefined }];
  if (limit === 0 || limit >= prepared.count) {
    throw new QfleetError(
      'invalid-argument',
      `Random sets of ${limit || 'all'} of ${prepared.count} items would all be the same.`,
      { hint: 'Ask for fewer items than the calibration split has: --limit N.' },
    );
  }
  return Array.from({ length: resamples }, (_, i) => {
    const seed = i + 1;
    const chosen = shuffle([...all], createRandom(seed))
      .slice(0, limit)
      .sort((a, b) => a - b);
    return { prepared, chosen, resample: { seed, pool: prepared.count } };
  });
}

/** Those items of a split that were chosen, in order. */
async function* chosenItems({ prepared, chosen }: CalibrationSet, blobs: BlobStore): AsyncGenerator<Buffer> {
  const wanted = new Set(chosen);
  let place = 0;
  for await (const item of readItems(prepared.shards, blobs)) if (wanted.has(place++)) yield item;
}

/** Inputs that are looked at for what they hold. */
const inspectedInputs = 32;

async function calibrationFacts(
  set: CalibrationSet,
  { model, dataset }: { readonly model: Model; readonly dataset: Dataset },
  blobs: BlobStore,
): Promise<CalibrationFacts> {
  const constant = { count: 0, of: 0 };
  for await (const item of chosenItems(set, blobs)) {
    if (constant.of === inspectedInputs) break;
    constant.of += 1;
    const elementBytes = itemElementBytes(item, set.prepared.item.shape);
    if (item.equals(Buffer.alloc(item.length, item.subarray(0, elementBytes)))) constant.count += 1;
  }
  const itemDigests = set.chosen.map((place) => set.prepared.itemDigests[place]!);
  return { dataset, contract: model.contract, itemDigests, constant };
}

function itemElementBytes(item: Buffer, shape: readonly number[]): number {
  return item.length / shape.reduce((product, size) => product * size, 1);
}

function describeVariant({ digest, name, sizeBytes, record }: Variant): Quantized['variants'][number] {
  const { outputSqnrDb, warnings = [] } = record;
  return { digest, name, sizeBytes, warnings, ...(outputSqnrDb === undefined ? {} : { outputSqnrDb }) };
}

function describeRefusal({ recipe, error }: RefusedRecipe): Quantized['refused'][number] {
  const { code, message, hint } = error;
  return { recipe, code, message, ...(hint === undefined ? {} : { hint }) };
}

function noneFits(refused: readonly RefusedRecipe[]): QfleetError {
  const [first] = refused;
  if (refused.length === 1) return first!.error;
  const reasons = refused.map(({ recipe, error }) => `${recipe}: ${error.message}`).join(' ');
  return new QfleetError('refused', `No recipe fits the model. ${reasons}`, { cause: first?.error });
}

function prepareCalibration(
  order: { readonly model: Model; readonly dataset: Dataset; readonly limit: number },
  { store, blobs }: Parts,
  { signal, onProgress }: TaskContext,
): Promise<PreparedDataset> {
  const { contract, inputs } = order.model;
  const modelInput = inputs.find(({ name }) => name === contract.inputName);
  return prepareDataset({
    dataset: order.dataset,
    split: 'calibration',
    contract,
    ...(modelInput ? { modelInput } : {}),
    limit: order.limit,
    blobs,
    store,
    onProgress: ({ done, total }) =>
      onProgress(`preparing input ${done} of ${total}`, (preparingShare * done) / total),
    signal,
  });
}

async function makeVariants(
  order: {
    readonly model: Model;
    readonly recipes: readonly Recipe[];
    readonly prepared: CalibrationSet | undefined;
  },
  parts: Parts,
  { signal, onProgress }: TaskContext,
): Promise<{ readonly variants: Variant[] } & Pick<Quantization, 'refused' | 'warnings'>> {
  const { model, recipes, prepared: set } = order;
  await using folder = await makeTempFolder('quantize', parts.tempDir);
  const made = await quantizeModel({
    modelPath: await parts.blobs.path(parseDigest(model.digest)),
    contract: model.contract,
    recipes,
    ...(set
      ? {
          calibration: {
            datasetDigest: set.prepared.digest,
            item: set.prepared.item,
            itemDigests: set.chosen.map((place) => set.prepared.itemDigests[place]!),
            items: () => chosenItems(set, parts.blobs),
          },
        }
      : {}),
    outDir: folder.path,
    cache: parts.cache,
    onProgress: (step, fraction) => onProgress(step, preparingShare + (1 - preparingShare) * fraction),
    signal,
  });
  const variants: Variant[] = [];
  for (const variant of made.variants)
    variants.push(await storeVariant(variant, { model, resample: set?.resample }, parts));
  return { variants, refused: made.refused, warnings: made.warnings };
}

async function storeVariant(
  made: QuantizedVariant,
  { model, resample }: { readonly model: Model; readonly resample: CalibrationSet['resample'] },
  { store, blobs }: Parts,
): Promise<Variant> {
  await blobs.putFile(made.path);
  if (made.blobs) {
    await blobs.put(made.blobs.ranges);
    await blobs.put(made.blobs.sampleDigests);
  }
  const { digest, sizeBytes } = made;
  const record =
    resample && made.record.calibration
      ? { ...made.record, calibration: { ...made.record.calibration, resample } }
      : made.record;
  const variant = { digest, modelDigest: model.digest, sizeBytes, record, createdAtMs: Date.now() };
  const plain = made.recipe === 'fp32' ? 'fp32-folded' : made.recipe;
  const name = resample && record.calibration ? `${plain}~${resample.seed}` : plain;
  return store.addVariant({ ...variant, name }).catch((thrown: unknown) => {
    const isTaken = thrown instanceof QfleetError && thrown.code === 'already-exists';
    // The same recipe with other calibration inputs makes another variant, which needs a name of its own.
    if (isTaken) return store.addVariant({ ...variant, name: `${name}-${digest.slice(0, 6)}` });
    throw thrown;
  });
}
