import { basename } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { predictKernels } from '../onnx/predict-kernels.ts';
import { scanSaturation, summariseRisk } from '../onnx/scan-saturation.ts';
import type { Store } from '../store/store.ts';
import type { Model, TensorInfo, Variant } from './artefacts.ts';
import { countWork } from './count-work.ts';
import { describeFormat } from './describe-format.ts';
import { storeModelFile } from './store-model-file.ts';

export interface AddVariantRequest {
  readonly model: Model;
  /** An ONNX file that another tool made from the model. */
  readonly path: string;
  /** By default the file's name without its ending. */
  readonly name?: string | undefined;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly signal?: AbortSignal | undefined;
  /** For what is made on the way; the system's by default. */
  readonly tempDir?: string | undefined;
  readonly nowMs?: () => number;
}

/**
 * Takes an ONNX file made elsewhere as a variant of a model, just as it is. Its inputs and outputs must have
 * the model's names, element types and shapes (an open dimension fits any size). Throws `shape-mismatch`
 * where they differ, and what `storeModelFile` throws.
 */
export async function addVariant(request: AddVariantRequest): Promise<Variant> {
  const { model, path, store, blobs } = request;
  const file = await storeModelFile(path, blobs, request.signal);
  requireSameTensors('inputs', model.inputs, file.inputs);
  requireSameTensors('outputs', model.outputs, file.outputs);
  const description = describeFormat(file.read.model);
  const { layers } = await countWork(file.read.model, { signal: request.signal, tempDir: request.tempDir });
  const producer = file.read.model.producerName || 'an unnamed tool';
  return await store.addVariant({
    digest: file.digest,
    modelDigest: model.digest,
    name: request.name ?? basename(path).replace(/\.onnx$/i, ''),
    sizeBytes: file.sizeBytes,
    record: {
      ...description,
      ...(layers && { layers }),
      saturation: summariseRisk(scanSaturation(file.read.model)),
      kernels: Object.fromEntries(predictKernels(file.read.model.graph!, file.read.model.functions)),
      recipe: 'imported',
      notes: [`Made by ${producer}, taken as it is.`, ...description.notes],
    },
    createdAtMs: (request.nowMs ?? Date.now)(),
  });
}

function requireSameTensors(
  role: 'inputs' | 'outputs',
  expected: readonly TensorInfo[],
  got: readonly TensorInfo[],
): void {
  const fits = expected.every((tensor, i) => isCompatible(tensor, got[i]));
  if (fits && expected.length === got.length) return;
  throw new QfleetError(
    'shape-mismatch',
    `The variant's ${role} differ from the model's: expected ${describe(expected)}; got ${describe(got)}.`,
    {
      hint: 'Quantize the same model with names, order and shapes kept, or add the file as a model of its own.',
    },
  );
}

function isCompatible(expected: TensorInfo, got: TensorInfo | undefined): boolean {
  if (!got || expected.name !== got.name || expected.elementType !== got.elementType) return false;
  if (expected.shape.length !== got.shape.length) return false;
  return expected.shape.every((size, i) => {
    const other = got.shape[i];
    return typeof size === 'string' || typeof other === 'string' || size === other;
  });
}

function describe(tensors: readonly TensorInfo[]): string {
  return tensors
    .map(({ name, elementType, shape }) => `${name} ${elementType} [${shape.join(', ')}]`)
    .join('; ');
}
