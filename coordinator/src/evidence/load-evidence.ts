import type { RunEvidence } from '../analysis/evidence.ts';
import type { Store } from '../store/store.ts';
import { loadRun } from './load-run.ts';
import { type BlobReader, readEvidence } from './read-evidence.ts';

/** All evidence of a run with its blobs, nothing summarised; see `loadRun` and `readEvidence`. */
export async function loadEvidence(runId: string, store: Store, blobs: BlobReader): Promise<RunEvidence> {
  return readEvidence(await loadRun(runId, store), blobs);
}
