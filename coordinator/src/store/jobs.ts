import { sql } from 'kysely';
import { blobsOfSpec } from './blobs-of-spec.ts';
import { parseJson, parseNumber } from './parse-json.ts';
import type { JobRecord, JobSpec, JobState } from './records.ts';
import type { JobRow } from './schema.ts';
import type { Scope } from './scope.ts';
import type { AttemptProgress } from './store.ts';

/** A run's jobs, by device and position. */
export async function listJobs(scope: Scope, runId: string): Promise<JobRecord[]> {
  const rows = await scope.db
    .selectFrom('jobs')
    .selectAll()
    .where('run_id', '=', runId)
    .orderBy('device_id')
    .orderBy('position')
    .orderBy('id')
    .execute();
  return rows.map(toJob);
}

export async function findJob(scope: Scope, jobId: string): Promise<JobRecord | undefined> {
  const row = await scope.db.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirst();
  return row && toJob(row);
}

/** Notes how far attempts are, while their leases hold; an old fence changes nothing. */
export async function recordProgress(scope: Scope, attempts: readonly AttemptProgress[]): Promise<void> {
  for (const { jobId, fence, step, fraction } of attempts) {
    await scope.db
      .updateTable('jobs')
      .set({ progress_step: step, progress_fraction: fraction })
      .where('id', '=', jobId)
      .where('fence', '=', fence)
      .where('state', '=', 'leased')
      .execute();
  }
}

/** What a device still had to do, failed for good. */
export async function failUnfinishedJobs(
  scope: Scope,
  deviceId: string,
  failure: NonNullable<JobRecord['failure']>,
): Promise<void> {
  await scope.db
    .updateTable('jobs')
    .set({ state: 'failed', failure_json: JSON.stringify(failure), lease_until_ms: null })
    .where('device_id', '=', deviceId)
    .where('state', 'in', ['queued', 'leased'])
    .execute();
}

/** What a device may read: the digests in the specs of the jobs leased to it. */
export async function blobsOfLeases(scope: Scope, deviceId: string): Promise<Set<string>> {
  const rows = await scope.db
    .selectFrom('jobs')
    .select('spec_json')
    .where('device_id', '=', deviceId)
    .where('state', '=', 'leased')
    .where(sql<boolean>`lease_until_ms >= ${scope.steadyMs()}`)
    .execute();
  return new Set(rows.flatMap((row) => blobsOfSpec(parseJson<JobSpec>(row.spec_json))));
}

/** A row as the record that the rest of the program knows. */
export function toJob(row: JobRow): JobRecord {
  return {
    id: row.id,
    runId: row.run_id,
    deviceId: row.device_id,
    position: Number(row.position),
    kind: row.kind as JobRecord['kind'],
    spec: parseJson<JobSpec>(row.spec_json),
    state: row.state as JobState,
    fence: Number(row.fence),
    attempts: Number(row.attempts),
    leaseUntilMs: parseNumber(row.lease_until_ms),
    notBeforeMs: Number(row.not_before_ms),
    progress:
      row.progress_step === null
        ? undefined
        : { step: row.progress_step, fraction: Number(row.progress_fraction) },
    failure: parseJson<NonNullable<JobRecord['failure']>>(row.failure_json),
    timeLimitMs: Number(row.time_limit_ms),
  };
}
