import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { errorTable, QfleetError } from '@qfleet/shared/errors.ts';
import { errorCodeMetadataKey, errorHintMetadataKey } from '@qfleet/shared/grpc/agent-service.ts';

/** Whatever was thrown, as gRPC sends it: the status of the table, code and hint in trailers, plus `trailers`. */
export function toServiceError(
  thrown: unknown,
  trailers: Readonly<Record<string, string>> = {},
): ServiceError {
  const error = QfleetError.from(thrown);
  const metadata = new Metadata();
  metadata.set(errorCodeMetadataKey, error.code);
  if (error.hint) metadata.set(errorHintMetadataKey, encodeURIComponent(error.hint));
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return Object.assign(new Error(error.message), {
    code: errorTable[error.code].grpc,
    details: error.message,
    metadata,
  });
}
