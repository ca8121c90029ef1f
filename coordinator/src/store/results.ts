import { sql } from 'kysely';
import { chunk } from './chunk.ts';
import type { ResultRecord } from './records.ts';
import type { JobRow, ResultRow } from './schema.ts';
import type { Scope } from './scope.ts';
import type { CommitStatus, NewResult } from './store.ts';

/** Devices that one statement looks for. */
const devicesAtOnce = 100;

/**
 * So many different results of one attempt are kept. An attempt has one; a second comes from a copy of the device's
 * identity, or of its spool. More are refused, else a device could fill the database with them.
 */
export const maxResultsPerAttempt = 2;

/**
 * Stores a result and ends its attempt. At most one result of a job is committed (a unique index of the
 * database's keeps that promise, whatever this code does); what comes after it, or with a job cancelled, or
 * as an old failure, is kept as `superseded`. A late result counts while nobody else has committed: a
 * measurement belongs to its device and was costly.
 */
export async function commitResult(scope: Scope, result: NewResult): Promise<CommitStatus> {
  const job = await lockJob(scope, result.jobId);
  if (!job || job.device_id !== result.deviceId) return 'unknown-job';
  if (result.fence < 1 || result.fence > Number(job.fence)) return 'unknown-job';
  const known = await scope.db
    .selectFrom('results')
    .select('digest')
    .where('digest', '=', result.digest)
    .executeTakeFirst();
  if (known) return 'already-stored';
  if ((await countResults(scope, result)) >= maxResultsPerAttempt) return 'too-many';
  if (job.state === 'cancelled') await freeHost(scope, job.id);
  return result.failure ? commitFailure(scope, job, result) : commitSuccess(scope, job, result);
}

/** Digests of all stored results of all runs. */
export async function listResultDigests(scope: Scope): Promise<Set<string>> {
  const rows = await scope.db.selectFrom('results').select('digest').execute();
  return new Set(rows.map(({ digest }) => digest));
}

/** Every stored result of a run, also superseded and failed ones, as they came. */
export async function listResults(scope: Scope, runId: string): Promise<ResultRecord[]> {
  const rows = await scope.db
    .selectFrom('results')
    .selectAll()
    .where('run_id', '=', runId)
    .orderBy('received_at_ms')
    .orderBy('digest')
    .execute();
  return rows.map(toResult);
}

/** The newest committed probe result of each device that had come by a time, milliseconds since 1970; in the order of the ids. */
export async function latestProbes(
  scope: Scope,
  deviceIds: readonly string[],
  untilMs: number,
): Promise<ResultRecord[]> {
  const found = new Map<string, ResultRecord>();
  for (const ids of chunk(deviceIds, devicesAtOnce)) {
    await scope.takeTurn();
    const newest = scope.db
      .selectFrom('results')
      .innerJoin('jobs', 'jobs.id', 'results.job_id')
      .innerJoin('runs', 'runs.id', 'results.run_id')
      .select('results.digest')
      .whereRef('results.device_id', '=', sql.ref('devices.id'))
      .where('results.state', '=', 'committed')
      .where('results.received_at_ms', '<=', untilMs)
      .where('jobs.kind', '=', 'probe')
      .orderBy('results.received_at_ms', 'desc')
      .orderBy('runs.number', 'desc')
      .limit(1);
    const rows = await scope.db
      .selectFrom('devices')
      .innerJoin('results', (join) => join.on('results.digest', '=', newest))
      .selectAll('results')
      .where('devices.id', 'in', ids)
      .execute();
    for (const row of rows) found.set(row.device_id, toResult(row));
  }
  return deviceIds.flatMap((deviceId) => found.get(deviceId) ?? []);
}

/** Whether a stored result of the device refers to the blob. */
export async function hasResultWithBlob(
  scope: Scope,
  deviceId: string,
  blobDigest: string,
): Promise<boolean> {
  const row = await scope.db
    .selectFrom('result_blobs')
    .innerJoin('results', 'results.digest', 'result_blobs.result_digest')
    .select('results.digest')
    .where('result_blobs.blob_digest', '=', blobDigest)
    .where('results.device_id', '=', deviceId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function commitSuccess(scope: Scope, job: JobRow, result: NewResult): Promise<CommitStatus> {
  if (job.state === 'completed' || job.state === 'cancelled') {
    await insertResult(scope, job, result, 'superseded');
    return 'superseded';
  }
  await insertResult(scope, job, result, 'committed');
  await scope.db
    .updateTable('jobs')
    .set({
      state: 'completed',
      lease_until_ms: null,
      losses: 0,
      failure_json: result.shortfall ? JSON.stringify(result.shortfall) : null,
      progress_fraction: 1,
    })
    .where('id', '=', job.id)
    .execute();
  if (job.state === 'failed') await reopenRun(scope, job.run_id);
  return 'committed';
}

async function commitFailure(scope: Scope, job: JobRow, result: NewResult): Promise<CommitStatus> {
  await insertResult(scope, job, result, 'failed');
  const endsAttempt =
    Number(job.fence) === result.fence && (job.state === 'leased' || job.state === 'queued');
  if (!endsAttempt) return 'superseded';
  const retry = result.onFailure === 'final' ? undefined : result.onFailure;
  await scope.db
    .updateTable('jobs')
    .set({
      state: retry ? 'queued' : 'failed',
      lease_until_ms: null,
      losses: 0,
      progress_step: null,
      progress_fraction: null,
      failure_json: JSON.stringify(result.failure),
      ...(retry
        ? { not_before_ms: sql<number>`${scope.steadyMs()} + ${sql.lit(Math.round(retry.retryAfterMs))}` }
        : {}),
    })
    .where('id', '=', job.id)
    .execute();
  return 'committed';
}

async function insertResult(
  scope: Scope,
  job: JobRow,
  result: NewResult,
  state: ResultRecord['state'],
): Promise<void> {
  await scope.db
    .insertInto('results')
    .values({
      digest: result.digest,
      job_id: job.id,
      run_id: job.run_id,
      device_id: job.device_id,
      fence: result.fence,
      state,
      received_at_ms: scope.nowMs(),
      bytes: result.bytes,
      signature: result.signature,
    })
    .execute();
  for (const digest of blobsOfResult(result.bytes)) {
    await scope.db
      .insertInto('result_blobs')
      .values({ result_digest: result.digest, blob_digest: digest })
      .execute();
  }
}

async function countResults(scope: Scope, attempt: { jobId: string; fence: number }): Promise<number> {
  const row = await scope.db
    .selectFrom('results')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('job_id', '=', attempt.jobId)
    .where('fence', '=', attempt.fence)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** The digests in the field `blobs` of a serialised result; none where it is no such JSON. */
function blobsOfResult(bytes: Uint8Array): Set<string> {
  try {
    const parsed = JSON.parse(Buffer.from(bytes).toString('utf8')) as { blobs?: unknown } | null;
    const blobs = Array.isArray(parsed?.blobs) ? parsed.blobs : [];
    return new Set(blobs.filter((blob) => typeof blob === 'string'));
  } catch {
    return new Set();
  }
}

/** The row, locked for this transaction: an update that changes nothing does so in either dialect. */
async function lockJob(scope: Scope, jobId: string): Promise<JobRow | undefined> {
  return scope.db
    .updateTable('jobs')
    .set((eb) => ({ fence: eb.ref('fence') }))
    .where('id', '=', jobId)
    .returningAll()
    .executeTakeFirst();
}

/** The device says that it has stopped: its host need not be spared any longer. */
async function freeHost(scope: Scope, jobId: string): Promise<void> {
  await scope.db.updateTable('jobs').set({ lease_until_ms: null }).where('id', '=', jobId).execute();
}

/** A run that ended without this result has to be judged again. */
async function reopenRun(scope: Scope, runId: string): Promise<void> {
  await scope.db
    .updateTable('runs')
    .set({ state: 'running', reason: '', finished_at_ms: null })
    .where('id', '=', runId)
    .where('state', 'in', ['completed-with-failures', 'failed'])
    .execute();
}

function toResult(row: ResultRow): ResultRecord {
  return {
    digest: row.digest,
    jobId: row.job_id,
    runId: row.run_id,
    deviceId: row.device_id,
    fence: Number(row.fence),
    state: row.state as ResultRecord['state'],
    receivedAtMs: Number(row.received_at_ms),
    bytes: row.bytes,
    signature: row.signature,
  };
}
