import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import { type PreparedDataset, prepareDataset } from '../artefacts/prepare-dataset.ts';
import { readItems } from '../artefacts/read-split.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { findDataset, findModel } from '../main/find-by-name.ts';
import type { CalibrationCache } from '../quantize/calibration/calibration-cache.ts';
import { type QuantizedVariant, quantizeModel, type RefusedRecipe } from '../quantize/quantize-model.ts';
import type { Recipe } from '../quantize/recipes/recipe.ts';
import { resolveRecipes } from '../quantize/recipes/resolve-recipes.ts';
import type { Store } from '../store/store.ts';
import { type Quantized, quantizeSchema } from './task-params.ts';
import type { TaskContext, TaskKind } from './task-worker.ts';

interface Parts {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly cache: CalibrationCache;
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
        dataset && (await prepareCalibration({ model, dataset, limit: order.limit }, parts, context));
      const { variants, refused } = await makeVariants({ model, recipes, prepared }, parts, context);
      if (variants.length === 0) throw noneFits(refused);
      return {
        variants: variants.map(({ digest, name, sizeBytes }) => ({ digest, name, sizeBytes })),
        refused: refused.map(describeRefusal),
      };
    },
  };
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
    readonly prepared: PreparedDataset | undefined;
  },
  parts: Parts,
  { signal, onProgress }: TaskContext,
): Promise<{ readonly variants: Variant[]; readonly refused: readonly RefusedRecipe[] }> {
  const { model, recipes, prepared } = order;
  const outDir = await mkdtemp(join(tmpdir(), 'qfleet-quantize-'));
  try {
    const made = await quantizeModel({
      modelPath: await parts.blobs.path(parseDigest(model.digest)),
      contract: model.contract,
      recipes,
      ...(prepared
        ? {
            calibration: {
              datasetDigest: prepared.digest,
              item: prepared.item,
              itemDigests: prepared.itemDigests.slice(0, prepared.count),
              items: () => readItems(prepared.shards, parts.blobs),
            },
          }
        : {}),
      outDir,
      cache: parts.cache,
      onProgress: (step, fraction) => onProgress(step, preparingShare + (1 - preparingShare) * fraction),
      signal,
    });
    const variants: Variant[] = [];
    for (const variant of made.variants) variants.push(await storeVariant(variant, model, parts));
    return { variants, refused: made.refused };
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

async function storeVariant(made: QuantizedVariant, model: Model, { store, blobs }: Parts): Promise<Variant> {
  await blobs.putFile(made.path);
  if (made.blobs) {
    await blobs.put(made.blobs.ranges);
    await blobs.put(made.blobs.sampleDigests);
  }
  const { digest, sizeBytes, record } = made;
  const variant = { digest, modelDigest: model.digest, sizeBytes, record, createdAtMs: Date.now() };
  const name = made.recipe === 'fp32' ? 'fp32-folded' : made.recipe;
  return store.addVariant({ ...variant, name }).catch((thrown: unknown) => {
    const isTaken = thrown instanceof QfleetError && thrown.code === 'already-exists';
    // The same recipe with other calibration inputs makes another variant, which needs a name of its own.
    if (isTaken) return store.addVariant({ ...variant, name: `${name}-${digest.slice(0, 6)}` });
    throw thrown;
  });
}
