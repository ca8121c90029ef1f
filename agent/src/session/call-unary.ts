import type { CallOptions, ClientUnaryCall, Metadata, requestCallback } from '@grpc/grpc-js';
import { Metadata as MetadataClass } from '@grpc/grpc-js';
import { fromThrownCall } from './grpc-error.ts';

/** No unary call waits longer, milliseconds. */
const deadlineMs = 30_000;

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
