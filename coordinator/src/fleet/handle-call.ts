import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceError,
} from '@grpc/grpc-js';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { missingBlobsMetadataKey } from '@qfleet/shared/grpc/agent-service.ts';
import { claimedDeviceId, identifyPeer, type PeerIdentity } from './device-identity.ts';
import type { FleetContext } from './fleet-context.ts';
import { MissingBlobsError } from './missing-blobs-error.ts';
import { toServiceError } from './to-service-error.ts';

/** One authenticated call; the signal fires when the peer is gone, or when the coordinator ends the call. */
export interface Handling<Call> extends PeerIdentity {
  readonly call: Call;
  readonly signal: AbortSignal;
}

type Work<Call, Reply> = (context: FleetContext, handling: Handling<Call>) => Promise<Reply>;

/** A unary method: identify, work, answer. */
export function handleUnary<Request, Reply>(
  context: FleetContext,
  work: Work<ServerUnaryCall<Request, Reply>, Reply>,
): handleUnaryCall<Request, Reply> {
  return (call, callback) => {
    run(context, call, work).then(
      (reply) => callback(null, reply),
      (error: unknown) => callback(refuse(context, call, error)),
    );
  };
}

/** A method that reads a stream and answers once. */
export function handleUpload<Request, Reply>(
  context: FleetContext,
  work: Work<ServerReadableStream<Request, Reply>, Reply>,
): handleClientStreamingCall<Request, Reply> {
  return (call, callback) => {
    run(context, call, work).then(
      (reply) => callback(null, reply),
      (error: unknown) => callback(refuse(context, call, error)),
    );
  };
}

/** A method that answers with a stream. */
export function handleDownload<Request, Reply>(
  context: FleetContext,
  work: Work<ServerWritableStream<Request, Reply>, void>,
): handleServerStreamingCall<Request, Reply> {
  return (call) => {
    run(context, call, work).then(
      () => call.end(),
      (error: unknown) => call.emit('error', refuse(context, call, error)),
    );
  };
}

/** A method with a stream each way. */
export function handleConversation<Request, Reply>(
  context: FleetContext,
  work: Work<ServerDuplexStream<Request, Reply>, void>,
): handleBidiStreamingCall<Request, Reply> {
  return (call) => {
    run(context, call, work).then(
      () => call.end(),
      (error: unknown) => call.emit('error', refuse(context, call, error)),
    );
  };
}

interface AnyCall extends Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext' | 'getPath' | 'getPeer'> {
  readonly cancelled: boolean;
  on(event: 'cancelled', listener: () => void): unknown;
}

async function run<Call extends AnyCall, Reply>(
  context: FleetContext,
  call: Call,
  work: Work<Call, Reply>,
): Promise<Reply> {
  const controller = new AbortController();
  call.on('cancelled', () => controller.abort(new QfleetError('cancelled', 'The peer is gone.')));
  await context.paces.take(claimedDeviceId(call), controller.signal);
  const peer = await identifyPeer(call, context.store);
  const untrack = context.openCalls.track({
    deviceId: peer.device.id,
    deviceName: peer.device.name,
    validUntilMs: peer.validUntilMs,
    end: (reason) => controller.abort(reason),
  });
  try {
    if (call.cancelled) throw new QfleetError('cancelled', 'The peer is gone.');
    return await work(context, { ...peer, call, signal: controller.signal });
  } finally {
    untrack();
  }
}

function refuse(context: FleetContext, call: AnyCall, thrown: unknown): ServiceError {
  const error = QfleetError.from(thrown);
  const facts = { path: call.getPath(), peer: call.getPeer(), code: error.code };
  if (error.code === 'internal') context.logger.error({ ...facts, err: error }, 'a call failed');
  else context.logger.debug({ ...facts, reason: error.message }, 'a call was refused');
  const trailers =
    error instanceof MissingBlobsError ? { [missingBlobsMetadataKey]: error.digests.join(',') } : {};
  return toServiceError(error, trailers);
}
