import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import type { Dataset } from './artefacts.ts';

export type DatasetContent = Omit<Dataset, 'digest' | 'name' | 'createdAtMs'>;

/** Identity of a dataset: SHA-256 of the canonical JSON of everything but name and time. */
export function digestDataset(content: DatasetContent): Digest {
  return digestBytes(canonicalJson(content));
}
