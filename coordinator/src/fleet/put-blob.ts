import type { ServerReadableStream } from '@grpc/grpc-js';
import { parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { PutBlobRequest__Output } from '@qfleet/shared/gen/qfleet/v1/PutBlobRequest.ts';
import type { PutBlobResponse } from '@qfleet/shared/gen/qfleet/v1/PutBlobResponse.ts';
import type { FleetContext } from './fleet-context.ts';
import type { Handling } from './handle-call.ts';
import { mayKnowBlob } from './may-know-blob.ts';
import { nextMessage, type Reading, readMessages } from './read-messages.ts';

type PutBlobCall = ServerReadableStream<PutBlobRequest__Output, PutBlobResponse>;

/** Takes one blob, straight to the disk. What came before a cut stays, to be continued at StatBlob's offset. */
export async function putBlob(
  context: FleetContext,
  handling: Handling<PutBlobCall>,
): Promise<PutBlobResponse> {
  const reading = { signal: handling.signal, patienceMs: context.options.patienceMs };
  const messages = handling.call[Symbol.asyncIterator]() as AsyncIterator<PutBlobRequest__Output>;
  const first = (await nextMessage(messages, reading)).value as PutBlobRequest__Output | undefined;
  if (!first)
    throw new QfleetError('invalid-argument', 'Expected a first message with digest and size, got none.');
  const digest = parseDigest(first.digest);
  checkSizes(first, context.options.maxBlobBytes);
  const owner = handling.device.id;
  if ((await mayKnowBlob(context, owner, digest)) && (await context.blobs.touch(digest)))
    return { existed: true };
  const end = await context.quota.begin(owner, { digest, totalBytes: first.totalBytes });
  try {
    return await context.blobs.receive({
      owner,
      digest,
      totalBytes: first.totalBytes,
      offset: first.offset,
      source: readData(first, messages, reading, (receivedBytes) =>
        context.sessions.find(owner)?.noteUpload(digest, receivedBytes),
      ),
    });
  } finally {
    end();
  }
}

async function* readData(
  first: PutBlobRequest__Output,
  messages: AsyncIterator<PutBlobRequest__Output>,
  reading: Reading,
  onData: (receivedBytes: number) => void,
): AsyncGenerator<Uint8Array> {
  yield first.data;
  let receivedBytes = first.offset + first.data.length;
  for await (const message of readMessages(messages, reading)) {
    receivedBytes += message.data.length;
    // Keeps the lease of the job whose result this belongs to, however slow the line.
    onData(receivedBytes);
    yield message.data;
  }
}

function checkSizes(first: PutBlobRequest__Output, maxBlobBytes: number): void {
  if (first.totalBytes > maxBlobBytes) {
    // Not a matter of the moment, like a full disk: the same blob will always be too large.
    throw new QfleetError(
      'refused',
      `The blob has ${first.totalBytes} bytes; at most ${maxBlobBytes} are taken.`,
      { hint: 'Keep fewer raw outputs: lower the comparison count of the plan.' },
    );
  }
  if (first.offset <= first.totalBytes) return;
  throw new QfleetError(
    'out-of-range',
    `The offset ${first.offset} is beyond the ${first.totalBytes} bytes announced.`,
  );
}
