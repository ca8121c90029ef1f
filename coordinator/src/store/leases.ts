import { type ExpressionBuilder, type RawBuilder, sql } from 'kysely';
import { toJob } from './jobs.ts';
import { longestPauseMs, stopMs } from './lease-times.ts';
import type { JobRecord } from './records.ts';
import type { JobRow, Schema } from './schema.ts';
import type { Scope } from './scope.ts';
import type { LeaseAnswer, LeasedJob } from './store.ts';

/** Attempts after which a job is given up whose agent says nothing of it. */
const maxUnheard = 10;

/**
 * Claims the next due job of an approved device, in the order of runs and positions: queued and not
 * before its time, or leased with a lease that has run out. None while a device of the same boot id, or the
 * device itself, holds a live lease. The look without a claim comes first because most looks find nothing
 * and a claim costs a synced write; the host's row is then updated so that claims of agents of one host come
 * one after the other on a database with many writers too.
 */
export async function leaseNextJob(
  scope: Scope,
  deviceId: string,
  leaseMs: number,
): Promise<LeasedJob | undefined> {
  if (!(await dueJob(scope, deviceId).executeTakeFirst())) return undefined;
  await lockHost(scope, deviceId);
  const row = await scope.db
    .updateTable('jobs')
    .set((eb) => ({
      state: 'leased',
      fence: eb('fence', '+', 1),
      attempts: eb('attempts', '+', 1),
      losses: sql<number>`case when state = 'leased' and progress_step is not null then losses + 1 else losses end`,
      lease_until_ms: later(scope, leaseMs),
      progress_step: null,
      progress_fraction: null,
    }))
    .where('id', '=', dueJob(scope, deviceId))
    .returningAll()
    .executeTakeFirst();
  return row && leased(row);
}

/** The same for several devices in one transaction, which costs one synced write; those that found something. */
export async function leaseNextJobs(
  scope: Scope,
  deviceIds: readonly string[],
  leaseMs: number,
): Promise<LeasedJob[]> {
  const jobs: LeasedJob[] = [];
  for (const deviceId of deviceIds) {
    const job = await leaseNextJob(scope, deviceId, leaseMs);
    if (job) jobs.push(job);
  }
  return jobs;
}

/** What an agent holds: an attempt of a job. */
export interface DeviceHold {
  readonly jobId: string;
  readonly fence: number;
  readonly deviceId: string;
}

/** See `extendLease`; the answers come in the order of the holds. */
export async function extendLeases(
  scope: Scope,
  holds: readonly DeviceHold[],
  leaseMs: number,
): Promise<LeaseAnswer[]> {
  const answers: LeaseAnswer[] = [];
  for (const hold of holds) answers.push(await extendLease(scope, { ...hold, leaseMs }));
  return answers;
}

/**
 * Gives every lease its full time again, and every pause and stop at most as long as one can last. For the owner of
 * a database, before it serves: the times in it are by the clock of a process that has ended, and the agents that
 * worked on meanwhile are still to come back.
 */
export async function renewLeases(scope: Scope, leaseMs: number): Promise<void> {
  const renew = (state: 'leased' | 'cancelled', afterMs: number) =>
    scope.db
      .updateTable('jobs')
      .set({ lease_until_ms: later(scope, afterMs) })
      .where('state', '=', state)
      .where('lease_until_ms', 'is not', null)
      .execute();
  await renew('leased', leaseMs);
  await renew('cancelled', stopMs);
  await scope.db
    .updateTable('jobs')
    .set({ not_before_ms: later(scope, longestPauseMs) })
    .where('state', '=', 'queued')
    .where('not_before_ms', '>', later(scope, longestPauseMs))
    .execute();
}

/**
 * Extends the lease that an agent holds. A job that was put back because its lease ran out is taken up
 * again while its fence is still the newest and that attempt has handed in nothing.
 */
export async function extendLease(
  scope: Scope,
  hold: DeviceHold & { readonly leaseMs: number },
): Promise<LeaseAnswer> {
  const job = await scope.db
    .selectFrom('jobs')
    .select(['state', 'fence'])
    .where('id', '=', hold.jobId)
    .where('device_id', '=', hold.deviceId)
    .executeTakeFirst();
  if (!job) return 'lost';
  if (job.state === 'cancelled') return 'cancelled';
  if (Number(job.fence) !== hold.fence || hold.fence === 0) return 'lost';
  const wasPutBack = job.state === 'queued' && !(await hasResult(scope, hold));
  if (job.state !== 'leased' && !wasPutBack) return 'lost';
  const row = await scope.db
    .updateTable('jobs')
    .set({
      state: 'leased',
      lease_until_ms: later(scope, hold.leaseMs),
      ...(wasPutBack ? { losses: sql<number>`case when losses > 0 then losses - 1 else 0 end` } : {}),
    })
    .where('id', '=', hold.jobId)
    .where('fence', '=', hold.fence)
    .where('state', 'in', ['leased', 'queued'])
    .returning('id')
    .executeTakeFirst();
  return row ? 'held' : 'lost';
}

/** Ends every lease that has run out; see `endLeases`. */
export async function expireLeases(scope: Scope, maxCrashes: number): Promise<JobRecord[]> {
  const rows = await scope.db
    .selectFrom('jobs')
    .selectAll()
    .where('state', '=', 'leased')
    .where(sql<boolean>`lease_until_ms < ${scope.steadyMs()}`)
    .execute();
  return endLeases(scope, rows, maxCrashes);
}

/** Ends the leases that a device, which has just said what it holds, does not know of; see `endLeases`. */
export async function abandonLeases(
  scope: Scope,
  device: { deviceId: string; held: readonly { jobId: string; fence: number }[]; maxCrashes: number },
): Promise<JobRecord[]> {
  const rows = await scope.db
    .selectFrom('jobs')
    .selectAll()
    .where('state', '=', 'leased')
    .where('device_id', '=', device.deviceId)
    .execute();
  const isHeld = (row: JobRow): boolean =>
    device.held.some((hold) => hold.jobId === row.id && hold.fence === Number(row.fence));
  return endLeases(
    scope,
    rows.filter((row) => !isHeld(row)),
    device.maxCrashes,
  );
}

/** Leases that the store knows of, expired or not. */
export async function listLeases(
  scope: Scope,
): Promise<{ jobId: string; fence: number; deviceId: string }[]> {
  const rows = await scope.db
    .selectFrom('jobs')
    .select(['id', 'fence', 'device_id'])
    .where('state', '=', 'leased')
    .execute();
  return rows.map((row) => ({ jobId: row.id, fence: Number(row.fence), deviceId: row.device_id }));
}

/** Devices for which `leaseNextJob` may have something: one look for each device, not for each of its jobs. */
export async function listDueDeviceIds(scope: Scope): Promise<Set<string>> {
  const rows = await scope.db
    .selectFrom('devices')
    .select('devices.id')
    .where('devices.state', '=', 'approved')
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('jobs')
          .innerJoin('runs', 'runs.id', 'jobs.run_id')
          .select('jobs.id')
          .whereRef('jobs.device_id', '=', 'devices.id')
          .where('runs.state', '=', 'running')
          .where((eb) => isDue(eb, scope)),
      ),
    )
    .execute();
  return new Set(rows.map((row) => row.id));
}

/**
 * Puts jobs back that lost their agent; one that lost it `maxCrashes` times in a row becomes failed. A lease of which
 * the agent never told any progress may have been lost on the way to it, and proves nothing against the job: only
 * after `maxUnheard` attempts is that an end.
 */
async function endLeases(scope: Scope, rows: readonly JobRow[], maxCrashes: number): Promise<JobRecord[]> {
  const ended: JobRecord[] = [];
  for (const row of rows) {
    const wasHeard = row.progress_step !== null;
    const losses = Number(row.losses) + (wasHeard ? 1 : 0);
    const isPoison = wasHeard ? losses >= maxCrashes : Number(row.attempts) >= maxUnheard;
    const failure = wasHeard ? describeCrashes(losses) : describeSilence(Number(row.attempts));
    const changed = await scope.db
      .updateTable('jobs')
      .set({
        state: isPoison ? 'failed' : 'queued',
        losses,
        lease_until_ms: null,
        progress_step: null,
        progress_fraction: null,
        ...(isPoison ? { failure_json: JSON.stringify(failure) } : {}),
      })
      .where('id', '=', row.id)
      .where('fence', '=', row.fence)
      .where('state', '=', 'leased')
      .returningAll()
      .executeTakeFirst();
    if (changed) ended.push(toJob(changed));
  }
  return ended;
}

function describeCrashes(losses: number): NonNullable<JobRecord['failure']> {
  return {
    class: 'crashed-agent',
    message: `The agent was lost ${losses} times while it worked on this job.`,
    hint: "See the agent's log on the device; the job may need more memory than it has.",
  };
}

function describeSilence(attempts: number): NonNullable<JobRecord['failure']> {
  return {
    class: 'unreachable',
    message: `The job was leased ${attempts} times, the last time without a word from the agent.`,
    hint: "See the agent's log on the device, and how stable its network is.",
  };
}

function dueJob(scope: Scope, deviceId: string) {
  return (
    scope.db
      .selectFrom('jobs')
      .innerJoin('runs', 'runs.id', 'jobs.run_id')
      .innerJoin('devices', 'devices.id', 'jobs.device_id')
      .select('jobs.id')
      .where('jobs.device_id', '=', deviceId)
      .where('devices.state', '=', 'approved')
      .where('runs.state', '=', 'running')
      .where((eb) => isDue(eb, scope))
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('jobs as busy')
              .select('busy.id')
              .where('busy.device_id', '=', deviceId)
              .where('busy.state', 'in', ['leased', 'cancelled'])
              .where(sql<boolean>`busy.lease_until_ms >= ${scope.steadyMs()}`),
          ),
        ),
      )
      // By way of the devices of the same boot: what is leased in the whole fleet is more, the larger the fleet is.
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('devices as neighbour')
              .innerJoin('jobs as busy', 'busy.device_id', 'neighbour.id')
              .select('busy.id')
              .whereRef('neighbour.boot_id', '=', 'devices.boot_id')
              .where('busy.state', 'in', ['leased', 'cancelled'])
              .where(sql<boolean>`busy.lease_until_ms >= ${scope.steadyMs()}`),
          ),
        ),
      )
      .orderBy('runs.number')
      .orderBy('jobs.position')
      .orderBy('jobs.id')
      .limit(1)
  );
}

function isDue(eb: ExpressionBuilder<Schema, 'jobs' | 'runs'>, scope: Scope) {
  const now = scope.steadyMs();
  return eb.and([
    eb('jobs.state', 'in', ['queued', 'leased']),
    sql<boolean>`jobs.not_before_ms <= ${now}`,
    eb.or([
      eb('jobs.state', '=', 'queued'),
      eb.and([eb('jobs.state', '=', 'leased'), sql<boolean>`jobs.lease_until_ms < ${now}`]),
    ]),
  ]);
}

async function lockHost(scope: Scope, deviceId: string): Promise<void> {
  const device = await scope.db
    .selectFrom('devices')
    .select('boot_id')
    .where('id', '=', deviceId)
    .executeTakeFirstOrThrow();
  await scope.db
    .insertInto('hosts')
    .values({ boot_id: device.boot_id ?? `device:${deviceId}`, claims: 1 })
    .onConflict((conflict) =>
      conflict.column('boot_id').doUpdateSet((eb) => ({ claims: eb('hosts.claims', '+', 1) })),
    )
    .execute();
}

async function hasResult(scope: Scope, hold: { jobId: string; fence: number }): Promise<boolean> {
  const row = await scope.db
    .selectFrom('results')
    .select('digest')
    .where('job_id', '=', hold.jobId)
    .where('fence', '=', hold.fence)
    .executeTakeFirst();
  return row !== undefined;
}

function later(scope: Scope, afterMs: number): RawBuilder<number> {
  return sql<number>`${scope.steadyMs()} + ${sql.lit(Math.round(afterMs))}`;
}

function leased(row: JobRow): LeasedJob {
  const job = toJob(row);
  return { ...job, leaseUntilMs: Number(row.lease_until_ms) };
}
