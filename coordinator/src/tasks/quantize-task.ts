import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestBytes, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import { type PreparedDataset, prepareDataset } from '../artefacts/prepare-dataset.ts';
import { readItems } from '../artefacts/read-split.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { findDataset, findModel } from '../main/find-by-name.ts';
import { type QuantizedVariant, quantizeModel } from '../quantize/quantize-model.ts';
import type { Store } from '../store/store.ts';
import { quantizeSchema } from './task-params.ts';
import type { TaskContext, TaskKind } from './task-worker.ts';

interface Parts {
  readonly store: Store;
  readonly blobs: BlobStore;
}

/** Preparing the calibration inputs is this much of the work. */
const preparingShare = 0.1;

/** The task kind `quantize`: parameters as `POST /v1/quantize`, result {variants: [{digest, name, sizeBytes}]}. */
export function createQuantizeTask(parts: Parts): TaskKind {
  return {
    kind: 'quantize',
    run: async (params, context) => {
      const order = quantizeSchema.parse(params);
      const model = await findModel(parts.store, order.model);
      const dataset = await findDataset(parts.store, order.calibration);
      const prepared = await prepareCalibration({ model, dataset, limit: order.limit }, parts, context);
      const variants = await makeVariants({ model, recipes: order.recipes, prepared }, parts, context);
      return { variants: variants.map(({ digest, name, sizeBytes }) => ({ digest, name, sizeBytes })) };
    },
  };
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
  order: { readonly model: Model; readonly recipes: readonly string[]; readonly prepared: PreparedDataset },
  parts: Parts,
  { signal, onProgress }: TaskContext,
): Promise<Variant[]> {
  const { model, recipes, prepared } = order;
  const outDir = await mkdtemp(join(tmpdir(), 'qfleet-quantize-'));
  try {
    const made = await quantizeModel({
      modelPath: await parts.blobs.path(parseDigest(model.digest)),
      contract: model.contract,
      recipes,
      calibration: {
        datasetDigest: prepared.digest,
        item: prepared.item,
        items: readItems(prepared.shards, parts.blobs),
        count: prepared.count,
      },
      outDir,
      onProgress: (step, fraction) => onProgress(step, preparingShare + (1 - preparingShare) * fraction),
      signal,
    });
    const variants: Variant[] = [];
    for (const variant of made) variants.push(await storeVariant(variant, { model, prepared }, parts));
    return variants;
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

async function storeVariant(
  made: QuantizedVariant,
  { model, prepared }: { readonly model: Model; readonly prepared: PreparedDataset },
  { store, blobs }: Parts,
): Promise<Variant> {
  await blobs.putFile(made.path);
  const record = made.record.calibration
    ? { ...made.record, calibration: await storeCalibration(made.record.calibration, made, prepared, blobs) }
    : made.record;
  const { digest, sizeBytes } = made;
  const variant = { digest, modelDigest: model.digest, sizeBytes, record, createdAtMs: Date.now() };
  const name = made.recipe === 'fp32' ? 'fp32-folded' : made.recipe;
  return store.addVariant({ ...variant, name }).catch((thrown: unknown) => {
    const isTaken = thrown instanceof QfleetError && thrown.code === 'already-exists';
    // The same recipe with other calibration inputs makes another variant, which needs a name of its own.
    if (isTaken) return store.addVariant({ ...variant, name: `${name}-${digest.slice(0, 6)}` });
    throw thrown;
  });
}

/**
 * Items are remembered by the digests they were imported with, not by those of the resized bytes that calibrated: only
 * so can an overlap with an evaluation set be found.
 */
async function storeCalibration(
  calibration: NonNullable<QuantizedVariant['record']['calibration']>,
  { blobs: made }: QuantizedVariant,
  { itemDigests, count }: PreparedDataset,
  blobs: BlobStore,
): Promise<NonNullable<QuantizedVariant['record']['calibration']>> {
  if (made) await blobs.put(made.ranges);
  const used = itemDigests.slice(0, count);
  const lines = Buffer.from(used.map((digest) => `${digest}\n`).join(''));
  return {
    ...calibration,
    samplesDigest: digestBytes(used.join('')),
    sampleDigestsBlob: await blobs.put(lines),
  };
}
