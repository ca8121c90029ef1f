import type { ServerUnaryCall } from '@grpc/grpc-js';
import { parseDigest } from '@qfleet/shared/digest.ts';
import type { StatBlobRequest__Output } from '@qfleet/shared/gen/qfleet/v1/StatBlobRequest.ts';
import type { StatBlobResponse } from '@qfleet/shared/gen/qfleet/v1/StatBlobResponse.ts';
import type { FleetContext } from './fleet-context.ts';
import type { Handling } from './handle-call.ts';
import { mayKnowBlob } from './may-know-blob.ts';

/**
 * How much of a blob is here, as far as the device may know of it. One that is complete is touched: the device will
 * not upload it again, so it must not be collected now.
 */
export async function statBlob(
  context: FleetContext,
  { call, device }: Handling<ServerUnaryCall<StatBlobRequest__Output, StatBlobResponse>>,
): Promise<StatBlobResponse> {
  const digest = parseDigest(call.request.digest);
  const isKnown = await mayKnowBlob(context, device.id, digest);
  if (isKnown && (await context.blobs.touch(digest))) return { complete: true, receivedBytes: 0 };
  return { complete: false, receivedBytes: await context.blobs.receivedBytes(device.id, digest) };
}
