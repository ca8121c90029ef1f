import type { ServerWritableStream } from '@grpc/grpc-js';
import { parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { GetBlobRequest__Output } from '@qfleet/shared/gen/qfleet/v1/GetBlobRequest.ts';
import type { GetBlobResponse } from '@qfleet/shared/gen/qfleet/v1/GetBlobResponse.ts';
import { firstChunkBytes, nextChunkBytes } from '@qfleet/shared/grpc/next-chunk-bytes.ts';
import type { FleetContext } from './fleet-context.ts';
import type { Handling } from './handle-call.ts';

/** Chunks of at most 256 KiB on their way at once: enough to keep the line busy, and all that a slow reader costs. */
const chunksInFlight = 3;

type GetBlobCall = ServerWritableStream<GetBlobRequest__Output, GetBlobResponse>;

/** Streams a blob of a job leased to the device, from an offset on. Whether others exist, it does not learn. */
export async function getBlob(context: FleetContext, handling: Handling<GetBlobCall>): Promise<void> {
  const { call, device, signal } = handling;
  const digest = parseDigest(call.request.digest);
  if (!(await context.store.blobsOfLeases(device.id)).has(digest)) {
    throw new QfleetError('permission-denied', `The blob ${digest} belongs to no job leased to this device.`);
  }
  let offset = call.request.offset;
  const { totalBytes, stream } = await context.blobs.open(digest, offset);
  const write = createBoundedWriter(call, signal);
  // The size goes out even where nothing is left to send.
  if (offset === totalBytes) await write({ offset, totalBytes, data: Buffer.alloc(0) });
  let chunkBytes = firstChunkBytes;
  for await (const read of stream as AsyncIterable<Buffer>) {
    for (let at = 0; at < read.length; ) {
      const data = read.subarray(at, at + chunkBytes);
      const startMs = performance.now();
      await write({ offset, data, totalBytes: offset === call.request.offset ? totalBytes : 0 });
      chunkBytes = nextChunkBytes(chunkBytes, performance.now() - startMs);
      at += data.length;
      offset += data.length;
    }
  }
}

/** Writes a message once fewer than `chunksInFlight` are unsent; throws the signal's reason. A bare loop of writes would hold the whole blob in memory for a slow reader. */
function createBoundedWriter(
  call: GetBlobCall,
  signal: AbortSignal,
): (message: GetBlobResponse) => Promise<void> {
  let inFlight = 0;
  let room = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => room.reject(signal.reason), { once: true });
  room.promise.catch(() => {});
  return async (message) => {
    signal.throwIfAborted();
    inFlight++;
    call.write(message, () => {
      inFlight--;
      room.resolve();
    });
    while (inFlight >= chunksInFlight) {
      await room.promise;
      room = Promise.withResolvers();
      room.promise.catch(() => {});
      signal.throwIfAborted();
    }
  };
}
