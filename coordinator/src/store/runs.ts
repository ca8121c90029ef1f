import { QfleetError } from '@qfleet/shared/errors.ts';
import { type Insertable, sql } from 'kysely';
import type { Plan } from '../plan/plan.ts';
import { chunk } from './chunk.ts';
import { stopMs } from './lease-times.ts';
import { nextNumber } from './next-number.ts';
import { parseJson, parseNumber } from './parse-json.ts';
import type { RunRecord, RunState } from './records.ts';
import type { JobRow, RunRow } from './schema.ts';
import type { Scope } from './scope.ts';
import type { NewJob, NewRun } from './store.ts';

/** Rows that one statement writes or looks up. */
const rowsAtOnce = 100;

/** Stores a run with its jobs, queued; throws `already-exists`, `invalid-argument`, `failed-precondition`. */
export async function createRun(scope: Scope, run: NewRun): Promise<RunRecord> {
  await checkNewRun(scope, run);
  const row = await scope.db
    .insertInto('runs')
    .values({
      id: run.id,
      number: await nextNumber(scope, 'runs'),
      name: run.record.name,
      plan_json: JSON.stringify(run.record.plan),
      model_digest: run.record.modelDigest,
      variant_digests_json: JSON.stringify(run.record.variantDigests),
      device_ids_json: JSON.stringify(run.record.deviceIds),
      dataset_digest: run.record.datasetDigest ?? null,
      notes_json: JSON.stringify(run.record.notes),
      state: 'running',
      reason: '',
      created_at_ms: scope.nowMs(),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await insertJobs(scope, run.id, run.jobs);
  return toRun(row);
}

/** A plan that says so, as it is stored: quotation marks within a name would be escaped. */
const divergencePlan = '%"purpose":"divergence"%';

/** By id, by name (the newest), by unambiguous id prefix, or `latest`: the newest that somebody asked for as such. */
export async function findRun(scope: Scope, idOrName: string): Promise<RunRecord | undefined> {
  const newest = scope.db.selectFrom('runs').selectAll().orderBy('number', 'desc');
  const exact = await newest.where('id', '=', idOrName).executeTakeFirst();
  if (exact) return toRun(exact);
  if (idOrName === 'latest') {
    return optionalRun(
      await newest.where('plan_json', 'not like', divergencePlan).limit(1).executeTakeFirst(),
    );
  }
  const named = await newest.where('name', '=', idOrName).limit(1).executeTakeFirst();
  if (named || idOrName === '') return optionalRun(named);
  const escaped = idOrName.replace(/[\\%_]/g, '\\$&');
  const matches = await newest
    .where(sql<boolean>`id like ${`${escaped}%`} escape '\\'`)
    .limit(2)
    .execute();
  if (matches.length > 1) {
    throw new QfleetError('invalid-argument', `More than one run id begins with ${idOrName}.`, {
      hint: 'Give more of it, or `latest`.',
    });
  }
  return optionalRun(matches[0]);
}

/** Newest first. */
export async function listRuns(scope: Scope): Promise<RunRecord[]> {
  const rows = await scope.db.selectFrom('runs').selectAll().orderBy('number', 'desc').execute();
  return rows.map(toRun);
}

/**
 * Ends a run: all its unfinished jobs are cancelled. A device that was at work keeps its host reserved
 * for the time it may take to stop. Throws `not-found`, and `failed-precondition` for a run that has ended
 * otherwise; cancelled twice is a no-op.
 */
export async function cancelRun(scope: Scope, runId: string, reason: string): Promise<void> {
  const run = await scope.db.selectFrom('runs').select('state').where('id', '=', runId).executeTakeFirst();
  if (!run) throw new QfleetError('not-found', `There is no run ${runId}.`, { hint: 'See: ./qfleet run ls' });
  if (run.state === 'cancelled') return;
  if (run.state !== 'running') {
    throw new QfleetError('failed-precondition', `The run ${runId} has ended already: ${run.state}.`);
  }
  await endRun(scope, runId, 'cancelled', reason);
  await scope.db
    .updateTable('jobs')
    .set({ state: 'cancelled', lease_until_ms: sql<number>`${scope.steadyMs()} + ${sql.lit(stopMs)}` })
    .where('run_id', '=', runId)
    .where('state', '=', 'leased')
    .execute();
  await scope.db
    .updateTable('jobs')
    .set({ state: 'cancelled' })
    .where('run_id', '=', runId)
    .where('state', '=', 'queued')
    .execute();
}

/** Moves a running run whose jobs are all final to its final state; undefined where there is nothing to move. */
export async function finishRunIfDone(scope: Scope, runId: string): Promise<RunRecord | undefined> {
  const run = await scope.db.selectFrom('runs').select('state').where('id', '=', runId).executeTakeFirst();
  if (run?.state !== 'running') return undefined;
  // Asked after every result, and mostly answered by the first unfinished job; all are read once, at the end.
  const unfinished = await scope.db
    .selectFrom('jobs')
    .select('id')
    .where('run_id', '=', runId)
    .where('state', 'in', ['queued', 'leased'])
    .limit(1)
    .executeTakeFirst();
  if (unfinished) return undefined;
  const jobs = await scope.db
    .selectFrom('jobs')
    .select(['state', 'failure_json'])
    .where('run_id', '=', runId)
    .execute();
  const failed = jobs.filter((job) => job.state !== 'completed');
  const short = jobs.filter((job) => job.state === 'completed' && job.failure_json !== null);
  const state =
    failed.length + short.length === 0
      ? 'completed'
      : failed.length < jobs.length
        ? 'completed-with-failures'
        : 'failed';
  return toRun(await endRun(scope, runId, state, describeOutcome(jobs.length, failed, short)));
}

/** Every running run but these whose jobs are all final is moved to its final state; those that were. */
export async function finishDoneRuns(
  scope: Scope,
  exceptIds: ReadonlySet<string> = new Set(),
): Promise<RunRecord[]> {
  const rows = await scope.db
    .selectFrom('runs')
    .select('id')
    .where('state', '=', 'running')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('jobs')
            .select('jobs.id')
            .whereRef('jobs.run_id', '=', 'runs.id')
            .where('jobs.state', 'in', ['queued', 'leased']),
        ),
      ),
    )
    .execute();
  const finished: RunRecord[] = [];
  for (const row of rows) {
    if (exceptIds.has(row.id)) continue;
    const run = await finishRunIfDone(scope, row.id);
    if (run) finished.push(run);
  }
  return finished;
}

type Failed = readonly { readonly failure_json: string | null }[];

function describeOutcome(jobCount: number, failed: Failed, short: Failed): string {
  const jobs = jobCount === 1 ? 'job' : 'jobs';
  if (failed.length + short.length === 0)
    return jobCount === 1 ? 'The only job completed.' : `All ${jobCount} jobs completed.`;
  const sentences = [
    failed.length > 0
      ? `${failed.length} of ${jobCount} ${jobs} did not complete (${countClasses(failed)}).`
      : '',
    short.length > 0
      ? `${short.length} of ${jobCount} ${jobs} completed without some of what was asked (${countClasses(short)}).`
      : '',
  ];
  return sentences.filter((sentence) => sentence !== '').join(' ');
}

/** `crashed: 2, oom: 1`, the most frequent first. */
function countClasses(failed: Failed): string {
  const counts = new Map<string, number>();
  for (const job of failed) {
    const failure = parseJson<{ class: string }>(job.failure_json)?.class ?? 'cancelled';
    counts.set(failure, (counts.get(failure) ?? 0) + 1);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name}: ${count}`)
    .join(', ');
}

async function endRun(scope: Scope, runId: string, state: RunState, reason: string): Promise<RunRow> {
  return scope.db
    .updateTable('runs')
    .set({ state, reason, finished_at_ms: scope.nowMs() })
    .where('id', '=', runId)
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function checkNewRun(scope: Scope, run: NewRun): Promise<void> {
  const known = await scope.db.selectFrom('runs').select('id').where('id', '=', run.id).executeTakeFirst();
  if (known) throw new QfleetError('already-exists', `There is a run ${run.id} already.`);
  if (run.jobs.length === 0) throw new QfleetError('invalid-argument', 'A run needs at least one job.');
  const states = await deviceStates(scope, new Set(run.jobs.map((job) => job.deviceId)));
  for (const [deviceId, state] of states) {
    if (state === 'approved') continue;
    throw new QfleetError('failed-precondition', `The device ${deviceId} is ${state}.`, {
      hint: 'A run takes approved devices; see: ./qfleet device ls',
    });
  }
}

/** `unknown` for those that there are not. */
async function deviceStates(scope: Scope, deviceIds: ReadonlySet<string>): Promise<Map<string, string>> {
  const states = new Map([...deviceIds].map((deviceId) => [deviceId, 'unknown']));
  for (const ids of chunk([...deviceIds], rowsAtOnce)) {
    const rows = await scope.db
      .selectFrom('devices')
      .select(['id', 'state'])
      .where('id', 'in', ids)
      .execute();
    for (const row of rows) states.set(row.id, row.state);
  }
  return states;
}

/** Many rows in a statement, and the event loop gets its turns: a run over a large fleet has tens of thousands of jobs. */
async function insertJobs(scope: Scope, runId: string, jobs: readonly NewJob[]): Promise<void> {
  for (const some of chunk(jobs, rowsAtOnce)) {
    await scope.takeTurn();
    await scope.db
      .insertInto('jobs')
      .values(some.map((job) => toNewRow(runId, job)))
      .execute();
  }
}

function toNewRow(runId: string, job: NewJob): Insertable<JobRow> {
  const kind = job.spec.spec;
  if (!kind) throw new QfleetError('invalid-argument', `The job ${job.id} asks for nothing.`);
  return {
    id: job.id,
    run_id: runId,
    device_id: job.deviceId,
    position: job.position,
    kind,
    spec_json: JSON.stringify(job.spec),
    state: 'queued',
    fence: 0,
    attempts: 0,
    losses: 0,
    lease_until_ms: null,
    not_before_ms: 0,
    progress_step: null,
    progress_fraction: null,
    failure_json: null,
    time_limit_ms: job.timeLimitMs,
  };
}

function optionalRun(row: RunRow | undefined): RunRecord | undefined {
  return row && toRun(row);
}

function toRun(row: RunRow): RunRecord {
  return {
    id: row.id,
    name: row.name,
    plan: parseJson<Plan>(row.plan_json),
    modelDigest: row.model_digest,
    variantDigests: parseJson<string[]>(row.variant_digests_json),
    deviceIds: parseJson<string[]>(row.device_ids_json),
    datasetDigest: row.dataset_digest ?? undefined,
    state: row.state as RunState,
    reason: row.reason,
    notes: parseJson<string[]>(row.notes_json),
    createdAtMs: Number(row.created_at_ms),
    finishedAtMs: parseNumber(row.finished_at_ms),
  };
}
