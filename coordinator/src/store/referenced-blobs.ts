import type { Scope } from './scope.ts';

const digestPattern = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g;

/**
 * Digests that something refers to. Every digest anywhere in a stored record counts, whatever its field: a
 * field that somebody adds later is then safe from the start, and a digest that names no blob does no harm.
 */
export async function referencedBlobs(scope: Scope): Promise<Set<string>> {
  const db = scope.db;
  const texts = [
    await db.selectFrom('models').select('record_json as text').execute(),
    await db.selectFrom('variants').select('record_json as text').execute(),
    await db.selectFrom('datasets').select('record_json as text').execute(),
    await db.selectFrom('imports').select('record_json as text').execute(),
    await db.selectFrom('tasks').select('params_json as text').execute(),
    await db.selectFrom('tasks').select('result_json as text').execute(),
    await db.selectFrom('jobs').select('spec_json as text').distinct().execute(),
  ].flat();
  const digests = new Set<string>();
  for (const { text } of texts) {
    for (const [digest] of (text ?? '').matchAll(digestPattern)) digests.add(digest);
  }
  const blobs = await db.selectFrom('result_blobs').select('blob_digest').distinct().execute();
  for (const row of blobs) digests.add(row.blob_digest);
  return digests;
}
