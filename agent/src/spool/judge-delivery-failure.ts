import { type ServiceError, status } from '@grpc/grpc-js';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { errorCodeMetadataKey, missingBlobsMetadataKey } from '@qfleet/shared/grpc/agent-service.ts';
import type { Failure } from '@qfleet/shared/result/job-result.ts';
import { JobFailure } from '../jobs/job-failure.ts';
import { fromServiceError, isServiceError, isTransient } from '../session/grpc-error.ts';

/** A failure that could pass, and comes again so often, does not pass. */
const maxRefusals = 5;

/** What a failed delivery means for its entry. */
export type DeliveryVerdict =
  /** Tried again, for as long as it takes. */
  | {
      readonly kind: 'retry';
      /** Counts towards the end of patience. */
      readonly refusals: number;
      /** Whether other entries would meet the same: the network, or the moment. */
      readonly concernsLink: boolean;
    }
  /** The same bytes would fail again. */
  | {
      readonly kind: 'give-up';
      readonly failure: Failure;
      /** `refused`: the coordinator has judged it; `unknown-job`: it knows of no such job; `lost`: it has never seen it whole. */
      readonly why: 'refused' | 'unknown-job' | 'lost';
    };

/** Judges what the delivery of an entry failed with, after so many refusals before. */
export function judgeDeliveryFailure(thrown: unknown, refusals: number): DeliveryVerdict {
  if (isServiceError(thrown)) {
    const refused = { kind: 'give-up', failure: refusedBy(thrown), why: 'refused' } as const;
    if (thrown.code === status.NOT_FOUND) return { ...refused, why: 'unknown-job' };
    if (thrown.code === status.INVALID_ARGUMENT) return refused;
    if (isTooLarge(thrown)) return { ...refused, failure: { ...refused.failure, class: 'unsupported' } };
    if (doubtful.has(thrown.code)) return countRefusal(refused, refusals);
    return { kind: 'retry', refusals, concernsLink: isTransient(thrown) };
  }
  const error = QfleetError.from(thrown);
  if (isTransient(error)) return { kind: 'retry', refusals, concernsLink: true };
  const failure = thrown instanceof JobFailure ? thrown.failure : lostHere(error);
  const lost = { kind: 'give-up', failure, why: 'lost' } as const;
  // A file that has changed, or is gone, stays so. Another failure of the disk may pass.
  const isLasting = thrown instanceof JobFailure || ['digest-mismatch', 'not-found'].includes(error.code);
  return isLasting ? lost : countRefusal(lost, refusals);
}

/** Statuses that mostly say something about the bytes, and sometimes about the moment: another upload of the same blob, a spoilt part of it. */
const doubtful = new Set<number>([
  status.DATA_LOSS,
  status.OUT_OF_RANGE,
  status.FAILED_PRECONDITION,
  status.ALREADY_EXISTS,
  status.UNIMPLEMENTED,
]);

function countRefusal(end: DeliveryVerdict, before: number): DeliveryVerdict {
  const refusals = before + 1;
  return refusals < maxRefusals ? { kind: 'retry', refusals, concernsLink: false } : end;
}

/** gRPC's own limit on a message comes without the coordinator's words, unlike a disk or a quota that is full for now. */
function isTooLarge({ code, metadata }: ServiceError): boolean {
  return code === status.RESOURCE_EXHAUSTED && metadata.get(errorCodeMetadataKey).length === 0;
}

function refusedBy(thrown: unknown): Failure {
  const { code, message, hint } = fromServiceError(thrown);
  return {
    class: code === 'digest-mismatch' ? 'digest-mismatch' : 'internal',
    message: `The coordinator refused the result: ${message}`,
    ...(hint !== undefined && { hint }),
  };
}

function lostHere({ code, message, hint }: QfleetError): Failure {
  return {
    class: code === 'digest-mismatch' ? 'digest-mismatch' : 'internal',
    message: `The result was lost on the device before it was submitted: ${message}`,
    ...(hint !== undefined && { hint }),
  };
}

/** The digests that the coordinator names as missing. */
export function missingBlobs(thrown: unknown): readonly string[] {
  if (!isServiceError(thrown) || thrown.code !== status.FAILED_PRECONDITION) return [];
  return String(thrown.metadata.get(missingBlobsMetadataKey)[0] ?? '')
    .split(',')
    .filter((digest) => digest !== '');
}
