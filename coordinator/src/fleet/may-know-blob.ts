import type { Digest } from '@qfleet/shared/digest.ts';
import type { FleetContext } from './fleet-context.ts';

/**
 * Whether a device may learn that a blob is here: it is of a job leased to it, a stored result of its refers to it,
 * or the device has uploaded all of it. Of every other digest it is to see nothing, also not whether it exists.
 */
export async function mayKnowBlob(
  { store, blobs }: Pick<FleetContext, 'store' | 'blobs'>,
  deviceId: string,
  digest: Digest,
): Promise<boolean> {
  if ((await blobs.listUploads(deviceId)).get(digest)?.isWhole) return true;
  if (await store.hasResultWithBlob(deviceId, digest)) return true;
  return (await store.blobsOfLeases(deviceId)).has(digest);
}
