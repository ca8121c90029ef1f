import { basename } from 'node:path';
import type { BlobStore } from '../blobs/blob-store.ts';
import { predictKernels } from '../onnx/predict-kernels.ts';
import { scanSaturation, summariseRisk } from '../onnx/scan-saturation.ts';
import type { Store } from '../store/store.ts';
import type { Model, Variant } from './artefacts.ts';
import { countWork } from './count-work.ts';
import { describeFormat } from './describe-format.ts';
import { type ContractFields, resolveContract } from './input-contract.ts';
import { type StoredModelFile, storeModelFile } from './store-model-file.ts';

export interface AddModelRequest {
  readonly path: string;
  /** By default the file's name without its ending. */
  readonly name?: string | undefined;
  /** What is known of the input contract; the rest is read from the model. */
  readonly contract?: ContractFields | undefined;
  /** Whether the file as it is also becomes the first variant, what others are compared with; true by default. */
  readonly baseline?: boolean | undefined;
  readonly store: Store;
  readonly blobs: BlobStore;
  /** Takes guesses about the input contract that the user should know of. */
  readonly onNote?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** For what is made on the way; the system's by default. */
  readonly tempDir?: string | undefined;
  readonly nowMs?: () => number;
}

/**
 * Takes an ONNX file as a model: reads it with limits, has ONNX Runtime load it in a child process, stores
 * it self-contained, completes its input contract, and registers the file itself as the variant `fp32`
 * (named after its element type where that is another). Throws what `storeModelFile` and `resolveContract`
 * throw, and `already-exists`.
 */
export async function addModel(request: AddModelRequest): Promise<Model> {
  const { path, store, blobs, onNote } = request;
  const file = await storeModelFile(path, blobs, request.signal);
  const { contract, notes } = resolveContract(request.contract, file.inputs);
  for (const note of notes) onNote?.(note);
  if (file.read.embeddedTensors > 0)
    onNote?.(`${file.read.embeddedTensors} tensors from other files were taken into the model's file.`);
  const proto = file.read.model;
  const work = await countWork(proto, request);
  const createdAtMs = (request.nowMs ?? Date.now)();
  const added: Model = {
    digest: file.digest,
    name: request.name ?? basename(path).replace(/\.onnx$/i, ''),
    sizeBytes: file.sizeBytes,
    irVersion: Number(proto.irVersion),
    opsets: Object.fromEntries(
      proto.opsetImport.map(({ domain, version }) => [domain || 'ai.onnx', Number(version)]),
    ),
    producer: `${proto.producerName} ${proto.producerVersion}`.trim(),
    inputs: [...file.inputs],
    outputs: [...file.outputs],
    contract,
    ...work,
    createdAtMs,
  };
  // Described before anything is stored: a model without its baseline would keep the name.
  const baseline = request.baseline === false ? undefined : baselineOf(added, file, createdAtMs);
  const model = await store.addModel(added);
  if (baseline) await store.addVariant(baseline);
  return model;
}

/** The model's own file as a variant. */
function baselineOf(model: Model, file: StoredModelFile, createdAtMs: number): Variant {
  const description = describeFormat(file.read.model);
  return {
    digest: model.digest,
    modelDigest: model.digest,
    name: baselineNames[description.format] ?? 'as-is',
    sizeBytes: model.sizeBytes,
    record: {
      recipe: 'as-is',
      ...description,
      saturation: summariseRisk(scanSaturation(file.read.model)),
      kernels: Object.fromEntries(predictKernels(file.read.model.graph!, file.read.model.functions)),
    },
    createdAtMs,
  };
}

const baselineNames: Record<string, string> = { float32: 'fp32', float16: 'fp16', float64: 'fp64' };
