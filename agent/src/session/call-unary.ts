import type { CallOptions, ClientUnaryCall, Metadata, requestCallback } from '@grpc/grpc-js';
import { Metadata as MetadataClass } from '@grpc/grpc-js';
import { fromThrownCall } from './grpc-error.ts';

/** No small call waits longer, milliseconds. */
const baseDeadlineMs = 30_000;
/** A line slower than 16 kbit/s is none: so much longer may a request with a body take. Dead lines are noticed by keepalive. */
const slowestBytesPerMs = 2;

/** How long a call with a request of so many bytes may take, milliseconds. */
export function deadlineMsFor(requestBytes: number): number {
  return baseDeadlineMs + requestBytes / slowestBytesPerMs;
}

type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: CallOptions,
  callback: requestCallback<Response>,
) => ClientUnaryCall;

/** A unary call as a promise, with a deadline; rejects with the call's ServiceError, or `no-coordinator` where it could not begin. */
export function callUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  signal: AbortSignal,
  deadlineMs = baseDeadlineMs,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = (): void => call.cancel();
    const options = { deadline: Date.now() + deadlineMs };
    const call = fromThrownCall(() =>
      method(request, new MetadataClass(), options, (error, response) => {
        signal.removeEventListener('abort', onAbort);
        if (error) reject(error);
        else resolve(response as Response);
      }),
    );
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
