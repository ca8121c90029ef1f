import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { parseDigest } from '@qfleet/shared/digest.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Store } from '../store/store.ts';
import type { ImportRecord } from './import-record.ts';
import { type BandwidthLogs, type ImportKind, importSet } from './import-set.ts';
import { type ImportedSet, importedSetSchema } from './imported-set.ts';

export interface AddImportRequest {
  readonly kind: ImportKind;
  readonly path: string;
  readonly name: string;
  readonly bandwidths: BandwidthLogs;
  readonly store: Store;
  readonly blobs: BlobStore;
}

/** Reads what others published and stores it by its digest; the same again is what is known already. */
export async function addImport(request: AddImportRequest): Promise<ImportRecord> {
  const { kind, path, name, bandwidths, store, blobs } = request;
  const set = await importSet(kind, path, bandwidths);
  const digest = await blobs.put(Buffer.from(canonicalJson(set)));
  return store.addImport({
    digest,
    name,
    kind,
    source: set.source,
    systems: set.systems.length,
    results: set.results.length,
    notes: set.notes,
    createdAtMs: Date.now(),
  });
}

/** A stored set, whole. */
export async function readImport(digest: string, blobs: BlobStore): Promise<ImportedSet> {
  const bytes = await blobs.read(parseDigest(digest));
  return importedSetSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
}
