import { open, stat } from 'node:fs/promises';
import type { ClientWritableStream } from '@grpc/grpc-js';
import type { Digest } from '@qfleet/shared/digest.ts';
import type { AgentServiceClient } from '@qfleet/shared/gen/qfleet/v1/AgentService.ts';
import type { PutBlobRequest } from '@qfleet/shared/gen/qfleet/v1/PutBlobRequest.ts';
import type { StatBlobRequest } from '@qfleet/shared/gen/qfleet/v1/StatBlobRequest.ts';
import type { StatBlobResponse__Output } from '@qfleet/shared/gen/qfleet/v1/StatBlobResponse.ts';
import { blobChunkBytes } from '@qfleet/shared/grpc/agent-service.ts';
import { callUnary } from '../session/call-unary.ts';
import type { TransferLog } from './transfer-log.ts';

/** An upload that moves nothing for this long is given up, milliseconds. */
const stallMs = 60_000;

export interface Upload {
  readonly client: AgentServiceClient;
  readonly digest: Digest;
  readonly path: string;
  readonly signal: AbortSignal;
  /** Where the speed is noted. */
  readonly transfers?: TransferLog;
}

/**
 * Sends a blob, from where an earlier attempt ended; nothing where the coordinator has it. Holds back when the
 * connection does: at most one chunk waits in memory. Throws the call's ServiceError.
 */
export async function uploadBlob({ client, digest, path, signal, transfers }: Upload): Promise<void> {
  const { complete, receivedBytes } = await callUnary<StatBlobRequest, StatBlobResponse__Output>(
    (...call) => client.statBlob(...call),
    { digest },
    signal,
  );
  if (complete) return;
  const { size } = await stat(path);
  signal.throwIfAborted();
  const put = startPut(client, signal);
  const offset = Math.min(receivedBytes, size);
  const start = process.hrtime.bigint();
  try {
    await Promise.race([put.answered, sendFile(put, { digest, path, size, offset })]);
    await put.answered;
    transfers?.add('upload', size - offset, Number(process.hrtime.bigint() - start));
  } finally {
    put[Symbol.dispose]();
  }
}

interface Put extends Disposable {
  readonly call: ClientWritableStream<PutBlobRequest>;
  readonly answered: Promise<unknown>;
  touch(): void;
}

function startPut(client: AgentServiceClient, signal: AbortSignal): Put {
  let call!: ClientWritableStream<PutBlobRequest>;
  const answered = new Promise<unknown>((resolve, reject) => {
    call = client.putBlob((error, response) => (error ? reject(error) : resolve(response)));
  });
  answered.catch(() => undefined);
  const cancel = (): void => call.cancel();
  const timer = setTimeout(cancel, stallMs);
  signal.addEventListener('abort', cancel, { once: true });
  // The callback tells of errors; the stream tells of them once more.
  call.on('error', () => undefined);
  return {
    call,
    answered,
    touch: () => void timer.refresh(),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
    },
  };
}

interface FileToSend {
  readonly digest: Digest;
  readonly path: string;
  readonly size: number;
  readonly offset: number;
}

async function sendFile(put: Put, { digest, path, size, offset }: FileToSend): Promise<void> {
  await write(put, { digest, totalBytes: size, offset });
  await using file = await open(path);
  for (let at = offset; at < size; ) {
    const { bytesRead, buffer } = await file.read(
      Buffer.alloc(Math.min(blobChunkBytes, size - at)),
      0,
      null,
      at,
    );
    if (bytesRead === 0) break;
    at += bytesRead;
    await write(put, { data: buffer.subarray(0, bytesRead) });
  }
  put.call.end();
}

async function write({ call, answered, touch }: Put, message: PutBlobRequest): Promise<void> {
  if (!call.write(message)) {
    const drained = new Promise<void>((resolve) => call.once('drain', resolve));
    await Promise.race([drained, answered]);
  }
  touch();
}
