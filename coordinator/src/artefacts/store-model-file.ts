import type { Digest } from '@qfleet/shared/digest.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { type ReadModel, readModel } from '../onnx/read-model.ts';
import { checkModel, type ModelSignature } from '../ort/check-model.ts';

export interface StoredModelFile extends ModelSignature {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly read: ReadModel;
}

/**
 * Reads an ONNX file with limits, stores it as one blob with its external data embedded, and has ONNX
 * Runtime load exactly that blob in a child process. Where that fails, a blob that was not there before is
 * removed again. Throws `refused`, `not-found`, `crashed`, `timeout`, `resource-exhausted`, `cancelled`.
 */
export async function storeModelFile(
  path: string,
  blobs: BlobStore,
  signal: AbortSignal | undefined,
): Promise<StoredModelFile> {
  const read = await readModel(path);
  const wasThere = (await blobs.stat(digestBytes(read.bytes))) !== undefined;
  const digest = await blobs.put(read.bytes);
  try {
    const signature = await checkModel(await blobs.path(digest), { signal });
    return { ...signature, digest, sizeBytes: read.bytes.length, read };
  } catch (error) {
    if (!wasThere) await blobs.remove(digest);
    throw error;
  }
}
