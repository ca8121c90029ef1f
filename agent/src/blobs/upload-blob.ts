import { type FileHandle, open } from 'node:fs/promises';
import type { ClientWritableStream } from '@grpc/grpc-js';
import type { Digest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { PutBlobRequest } from '@qfleet/shared/gen/qfleet/v1/PutBlobRequest.ts';
import type { StatBlobRequest } from '@qfleet/shared/gen/qfleet/v1/StatBlobRequest.ts';
import type { StatBlobResponse__Output } from '@qfleet/shared/gen/qfleet/v1/StatBlobResponse.ts';
import { firstChunkBytes, nextChunkBytes } from '@qfleet/shared/grpc/next-chunk-bytes.ts';
import { callUnary } from '../session/call-unary.ts';
import { fromThrownCall } from '../session/grpc-error.ts';
import type { Link } from '../session/link.ts';
import { digestHandle } from './file-state.ts';
import type { TransferLog } from './transfer-log.ts';

/** An upload that moves nothing for this long is given up, milliseconds. */
const stallMs = 60_000;

export interface Upload {
  readonly link: Link;
  readonly digest: Digest;
  readonly path: string;
  readonly signal: AbortSignal;
  /** Where the speed is noted. */
  readonly transfers?: TransferLog;
}

/**
 * Sends a blob, from where an earlier attempt ended; nothing where the coordinator has it. The file is opened once, and
 * sent only if it has its digest. Holds back when the connection does: at most one chunk waits in memory. However it
 * ends, the call has ended too. Throws the call's ServiceError, `digest-mismatch` where the disk has changed the file,
 * and the system's error where it cannot be read.
 */
export async function uploadBlob({ link, digest, path, signal, transfers }: Upload): Promise<void> {
  const { complete, receivedBytes } = await callUnary<StatBlobRequest, StatBlobResponse__Output>(
    (...call) => link.client.statBlob(...call),
    { digest },
    signal,
  );
  if (complete) return;
  await using file = await open(path);
  const size = await verify(file, digest, path);
  signal.throwIfAborted();
  using put = startPut(link, signal);
  const offset = Math.min(receivedBytes, size);
  const start = process.hrtime.bigint();
  await Promise.race([put.answered, sendFile(put, { digest, file, size, offset })]);
  await put.answered;
  transfers?.add('upload', size - offset, Number(process.hrtime.bigint() - start));
}

/** The size of a file that has its digest. */
async function verify(file: FileHandle, digest: Digest, path: string): Promise<number> {
  const found = await digestHandle(file);
  if (found === digest) return (await file.stat()).size;
  throw new QfleetError(
    'digest-mismatch',
    `The blob ${digest} changed on this device's disk: its SHA-256 is ${found} now.`,
    { hint: `Check the disk that holds ${path}.` },
  );
}

interface Put extends Disposable {
  readonly call: ClientWritableStream<PutBlobRequest>;
  readonly answered: Promise<unknown>;
  /** Aborted when the upload is over, however it ended. */
  readonly over: AbortSignal;
  touch(): void;
}

/** Opens the call; throws where that is not possible, with nothing left behind. */
function startPut(link: Link, signal: AbortSignal): Put {
  const { promise: answered, resolve, reject } = Promise.withResolvers<unknown>();
  answered.catch(() => undefined);
  const call = fromThrownCall(() =>
    link.client.putBlob((error, response) => (error ? reject(error) : resolve(response))),
  );
  // The callback tells of errors; the stream tells of them once more.
  call.on('error', () => undefined);
  const cancel = (): void => call.cancel();
  const timer = setTimeout(cancel, stallMs);
  signal.addEventListener('abort', cancel, { once: true });
  const ending = new AbortController();
  return {
    call,
    answered,
    over: ending.signal,
    touch: () => void timer.refresh(),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      ending.abort();
      // One that was answered does not hear of it; one that failed here must not keep the coordinator waiting.
      cancel();
    },
  };
}

interface FileToSend {
  readonly digest: Digest;
  readonly file: FileHandle;
  readonly size: number;
  readonly offset: number;
}

async function sendFile(put: Put, { digest, file, size, offset }: FileToSend): Promise<void> {
  await write(put, { digest, totalBytes: size, offset });
  let chunkBytes = firstChunkBytes;
  for (let at = offset; at < size && !put.over.aborted; ) {
    const wanted = Math.min(chunkBytes, size - at);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(wanted), 0, wanted, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    const startMs = performance.now();
    await write(put, { data: buffer.subarray(0, bytesRead) });
    chunkBytes = nextChunkBytes(chunkBytes, performance.now() - startMs);
  }
  put.call.end();
}

/** Resolves when the connection has taken the message: only then is it known how fast the line is. */
async function write({ call, answered, over, touch }: Put, message: PutBlobRequest): Promise<void> {
  if (over.aborted) return;
  const taken = new Promise<void>((resolve) => call.write(message, () => resolve()));
  await Promise.race([taken, answered]);
  touch();
}
