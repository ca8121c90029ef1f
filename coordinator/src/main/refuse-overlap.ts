import { parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Variant } from '../artefacts/artefacts.ts';
import { findOverlap } from '../artefacts/find-overlap.ts';
import type { BlobStore } from '../blobs/blob-store.ts';

/**
 * A variant judged on inputs that it was calibrated with looks better than it is. Throws `refused` with the numbers, or
 * returns them as notes where the plan allows it.
 */
export async function refuseOverlap(order: {
  readonly variants: readonly Variant[];
  /** SHA-256 of each evaluation item as it was imported. */
  readonly itemDigests: readonly string[];
  readonly isAllowed: boolean;
  readonly blobs: BlobStore;
}): Promise<string[]> {
  const notes: string[] = [];
  for (const { name, record } of order.variants) {
    if (!record.calibration) continue;
    const text = (await order.blobs.read(parseDigest(record.calibration.sampleDigestsBlob))).toString(
      'latin1',
    );
    const { count } = findOverlap(text.split('\n'), order.itemDigests);
    if (count === 0) continue;
    const finding = `${count} of ${order.itemDigests.length} evaluation inputs were used to calibrate ${name}`;
    if (!order.isAllowed) {
      throw new QfleetError('refused', `${finding}: its accuracy would look better than it is.`, {
        hint: 'Evaluate on a dataset with a split (`./qfleet dataset add --split 500`), or say --allow-overlap.',
      });
    }
    notes.push(`${finding}; the plan allows it.`);
  }
  return notes;
}
