import { QfleetError } from '@qfleet/shared/errors.ts';

/** A result refers to blobs that are not here; the digests go into a trailer of the answer. */
export class MissingBlobsError extends QfleetError {
  readonly digests: readonly string[];

  constructor(digests: readonly string[]) {
    super('failed-precondition', `The result refers to ${digests.length} blobs that are not here.`, {
      hint: 'Upload those that the trailer names, then hand in the result again.',
    });
    this.digests = digests;
  }
}
