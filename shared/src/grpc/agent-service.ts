import { fileURLToPath } from 'node:url';
import { type GrpcObject, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType } from '../../gen/agent.ts';

/** The version of the contract that this code speaks; sent in Hello. */
export const protocolVersion = 1;

/**
 * The name that the coordinator's server certificate carries beside its addresses, and the one that agents verify,
 * whatever address they dial. The fleet's authority signs for nobody else and puts this name into the coordinator's
 * certificate alone, so the name vouches for the role: it holds behind NAT, a forwarded port or a new address, which
 * no certificate could list. Device certificates are for clients only and cannot pose as it. `.internal` is
 * reserved for private use (ICANN, 2024), so no public authority will ever sign it; it is never looked up.
 */
export const coordinatorName = 'coordinator.qfleet.internal';

/** Largest piece of a blob in one message, bytes: the knee of the throughput curve of grpc-js. */
export const blobChunkBytes = 256 * 1024;

/** Largest message either side accepts, bytes. */
export const maxMessageBytes = 4 * 1024 * 1024;

/** Trailer that lists the digests a result refers to and the coordinator does not have, comma-separated. */
export const missingBlobsMetadataKey = 'qfleet-missing-blobs';

/** Trailer that carries the `QfleetError` code of a refused call. */
export const errorCodeMetadataKey = 'qfleet-error-code';

/** Trailer that carries the hint of a refused call, URI-encoded (trailers are ASCII). */
export const errorHintMetadataKey = 'qfleet-error-hint';

const protoRoot = fileURLToPath(new URL('../../../proto', import.meta.url));

/** Loads the contract. Longs are numbers (all stay below 2^53), enums strings, oneofs named. */
export function loadAgentService(): ProtoGrpcType['qfleet']['v1']['AgentService'] {
  const definition = loadSync('qfleet/v1/agent.proto', {
    includeDirs: [protoRoot],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const loaded: GrpcObject = loadPackageDefinition(definition);
  return (loaded as unknown as ProtoGrpcType).qfleet.v1.AgentService;
}
