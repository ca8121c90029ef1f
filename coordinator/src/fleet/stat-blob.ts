import type { ServerUnaryCall } from '@grpc/grpc-js';
import { parseDigest } from '@qfleet/shared/digest.ts';
import type { StatBlobRequest__Output } from '@qfleet/shared/gen/qfleet/v1/StatBlobRequest.ts';
import type { StatBlobResponse } from '@qfleet/shared/gen/qfleet/v1/StatBlobResponse.ts';
import type { FleetContext } from './fleet-context.ts';
import type { Handling } from './handle-call.ts';

/** How much of a blob is here. One that is complete is touched: the device will not upload it again, so it must not be collected now. */
export async function statBlob(
  context: FleetContext,
  handling: Handling<ServerUnaryCall<StatBlobRequest__Output, StatBlobResponse>>,
): Promise<StatBlobResponse> {
  const digest = parseDigest(handling.call.request.digest);
  if (await context.blobs.touch(digest)) return { complete: true, receivedBytes: 0 };
  return { complete: false, receivedBytes: await context.blobs.receivedBytes(digest) };
}
