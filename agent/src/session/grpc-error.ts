import { type ServiceError, status } from '@grpc/grpc-js';
import { type ErrorCode, isErrorCode, QfleetError } from '@qfleet/shared/errors.ts';
import { errorCodeMetadataKey, errorHintMetadataKey } from '@qfleet/shared/grpc/agent-service.ts';

/** Statuses that say something about the network or the moment, not about the request. */
const transientStatuses = new Set<number>([
  status.CANCELLED,
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.ABORTED,
  status.INTERNAL,
  status.UNAVAILABLE,
]);

/** Whether what a call failed with goes away by itself. */
export function isTransient(thrown: unknown): boolean {
  if (thrown instanceof QfleetError) return thrown.code === 'no-coordinator';
  return isServiceError(thrown) && transientStatuses.has(thrown.code);
}

/** Whether the coordinator does not take this device. */
export function isRefusal(thrown: unknown): boolean {
  return isServiceError(thrown) && [status.UNAUTHENTICATED, status.PERMISSION_DENIED].includes(thrown.code);
}

export function isServiceError(thrown: unknown): thrown is ServiceError {
  return (
    thrown instanceof Error &&
    typeof (thrown as Partial<ServiceError>).code === 'number' &&
    'metadata' in thrown
  );
}

/** A failed call as a QfleetError: the coordinator's own code and hint where its trailers carry them. */
export function fromServiceError(thrown: unknown): QfleetError {
  if (!isServiceError(thrown)) return QfleetError.from(thrown);
  const sent = String(thrown.metadata?.get(errorCodeMetadataKey)[0] ?? '');
  const hint = thrown.metadata?.get(errorHintMetadataKey)[0];
  const code = isErrorCode(sent) ? sent : (codeOfStatus[thrown.code] ?? 'internal');
  return new QfleetError(code, thrown.details || thrown.message, {
    ...(hint === undefined ? {} : { hint: decodeURIComponent(String(hint)) }),
    cause: thrown,
  });
}

/**
 * Starts a call. A channel that was shut down meanwhile throws a bare Error instead of ending the call with a status;
 * that becomes `no-coordinator`, which it means.
 */
export function fromThrownCall<Call>(start: () => Call): Call {
  try {
    return start();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new QfleetError('no-coordinator', `The call could not be started: ${why}.`, { cause });
  }
}

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  [status.CANCELLED]: 'cancelled',
  [status.INVALID_ARGUMENT]: 'invalid-argument',
  [status.DEADLINE_EXCEEDED]: 'timeout',
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'already-exists',
  [status.PERMISSION_DENIED]: 'permission-denied',
  [status.RESOURCE_EXHAUSTED]: 'resource-exhausted',
  [status.FAILED_PRECONDITION]: 'failed-precondition',
  [status.OUT_OF_RANGE]: 'out-of-range',
  [status.UNIMPLEMENTED]: 'unsupported',
  [status.UNAVAILABLE]: 'no-coordinator',
  [status.DATA_LOSS]: 'digest-mismatch',
  [status.UNAUTHENTICATED]: 'unauthenticated',
};
