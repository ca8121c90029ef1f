import { sql } from 'kysely';
import type { Scope } from './scope.ts';

const digestPattern = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g;

/**
 * Digests that something refers to, but for what these datasets alone refer to. Every digest anywhere in a stored record
 * counts, whatever its field: a field that somebody adds later is then safe from the start, and a digest that names no
 * blob does no harm. Two kinds of records do not count: tasks that have ended, for what they made has a record of its
 * own, and ended jobs over a dataset that was removed.
 */
export async function referencedBlobs(
  scope: Scope,
  withoutDatasets: ReadonlySet<string> = new Set(),
): Promise<Set<string>> {
  const db = scope.db;
  const datasets = (
    await db.selectFrom('datasets').select(['digest', 'record_json as text']).execute()
  ).filter(({ digest }) => !withoutDatasets.has(digest));
  const stored = new Set<string | null>(datasets.map(({ digest }) => digest)).add(null);
  const unfinished = db.selectFrom('tasks').where('state', 'in', ['queued', 'running']);
  const jobs = await db
    .selectFrom('jobs')
    .innerJoin('runs', 'runs.id', 'jobs.run_id')
    .select(['jobs.spec_json as text', 'runs.dataset_digest'])
    .select(
      sql<number>`max(case when jobs.state in ('queued', 'leased') or lease_until_ms >= ${scope.nowMs()} then 1 else 0 end)`.as(
        'live',
      ),
    )
    .groupBy(['jobs.spec_json', 'runs.dataset_digest'])
    .execute();
  const texts = [
    await db.selectFrom('models').select('record_json as text').execute(),
    await db.selectFrom('variants').select('record_json as text').execute(),
    datasets,
    await db.selectFrom('imports').select('record_json as text').execute(),
    await unfinished.select('params_json as text').execute(),
    await unfinished.select('result_json as text').execute(),
    jobs.filter((job) => Number(job.live) === 1 || stored.has(job.dataset_digest)),
  ].flat();
  const digests = new Set<string>();
  for (const { text } of texts) {
    for (const [digest] of (text ?? '').matchAll(digestPattern)) digests.add(digest);
  }
  const blobs = await db.selectFrom('result_blobs').select('blob_digest').distinct().execute();
  for (const row of blobs) digests.add(row.blob_digest);
  return digests;
}
