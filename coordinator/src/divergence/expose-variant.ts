import { parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { exposedRecipe, type Variant } from '../artefacts/artefacts.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { parseModel } from '../onnx/parse-model.ts';
import { writeModel } from '../onnx/write-model.ts';
import { withOutputs } from '../quantize/calibration/augment-model.ts';
import type { Store } from '../store/store.ts';
import { type InnerTensor, listTensors } from './list-tensors.ts';

interface Parts {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly signal: AbortSignal | undefined;
  /** For what is made on the way; the system's by default. */
  readonly tempDir?: string | undefined;
}

/** The tensors inside a variant that can be looked at, in the order in which they are computed. */
export async function listInnerTensors(
  variant: Variant,
  { blobs, signal, tempDir }: Omit<Parts, 'store'>,
): Promise<InnerTensor[]> {
  return listTensors(parseModel(await blobs.read(parseDigest(variant.digest))), { signal, tempDir });
}

/**
 * The variant with these tensors as outputs behind its own, stored as a variant that runs of all variants leave out.
 * Throws `invalid-argument` for a tensor that it does not compute.
 */
export async function exposeVariant(
  variant: Variant,
  tensors: readonly string[],
  { store, blobs }: Parts,
): Promise<Variant> {
  const model = parseModel(await blobs.read(parseDigest(variant.digest)));
  const computed = new Set(model.graph!.node.flatMap(({ output }) => output));
  const unknown = tensors.find((name) => !computed.has(name));
  if (unknown !== undefined) {
    throw new QfleetError(
      'invalid-argument',
      `The variant ${variant.name} computes no tensor "${unknown}".`,
      {
        hint: 'Name outputs of its operators as the file has them.',
      },
    );
  }
  const own = model.graph!.output.map(({ name }) => name);
  const bytes = writeModel(withOutputs(model, [...new Set([...own, ...tensors])]));
  const digest = await blobs.put(bytes);
  return store.addVariant({
    digest,
    modelDigest: variant.modelDigest,
    name: `${variant.name}@${digest.slice(0, 8)}`,
    sizeBytes: bytes.length,
    record: {
      ...variant.record,
      recipe: exposedRecipe,
      notes: [`${variant.name} with ${tensors.length} inner tensors as outputs.`, ...variant.record.notes],
    },
    createdAtMs: Date.now(),
  });
}
