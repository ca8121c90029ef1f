import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { ColumnTypes, Migration } from './migration.ts';

/** The first schema. Units stand in the names: `_ms` is milliseconds since 1970, or a duration for limits. */
export const initial: Migration = {
  name: '0001-initial',
  async up(db, types) {
    await createFleet(db);
    await createArtefacts(db);
    await createWork(db);
    await createResults(db, types);
    await createTasksAndEvents(db);
  },
};

async function createFleet(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('devices')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('public_key', 'text', (column) => column.notNull().unique())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at_ms', 'bigint')
    .addColumn('agent_version', 'text')
    .addColumn('boot_id', 'text')
    .addColumn('inventory_json', 'text')
    .addColumn('backends_json', 'text', (column) => column.notNull())
    .addColumn('clock_offset_ms', 'bigint')
    .addColumn('removed_at_ms', 'bigint')
    .execute();
  await sql`create unique index devices_name on devices (name) where removed_at_ms is null`.execute(db);
  await db.schema.createIndex('devices_boot').on('devices').column('boot_id').execute();
  await db.schema
    .createTable('hosts')
    .addColumn('boot_id', 'text', (column) => column.primaryKey())
    .addColumn('claims', 'bigint', (column) => column.notNull())
    .execute();
}

async function createArtefacts(db: Kysely<unknown>): Promise<void> {
  for (const table of ['models', 'datasets'] as const) {
    await artefactColumns(db.schema.createTable(table))
      .addPrimaryKeyConstraint(`${table}_key`, ['digest'])
      .addUniqueConstraint(`${table}_name`, ['name'])
      .execute();
  }
  await artefactColumns(db.schema.createTable('variants'))
    .addColumn('model_digest', 'text', (column) => column.notNull().references('models.digest'))
    .addPrimaryKeyConstraint('variants_key', ['model_digest', 'digest'])
    .addUniqueConstraint('variants_name', ['model_digest', 'name'])
    .execute();
}

function artefactColumns(builder: CreateTableBuilder<string, never>): CreateTableBuilder<string, string> {
  return builder
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('record_json', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull());
}

async function createWork(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('runs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('number', 'bigint', (column) => column.notNull().unique())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('plan_json', 'text', (column) => column.notNull())
    .addColumn('model_digest', 'text', (column) => column.notNull())
    .addColumn('variant_digests_json', 'text', (column) => column.notNull())
    .addColumn('device_ids_json', 'text', (column) => column.notNull())
    .addColumn('dataset_digest', 'text')
    .addColumn('notes_json', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('finished_at_ms', 'bigint')
    .execute();
  await db.schema
    .createTable('jobs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('run_id', 'text', (column) => column.notNull().references('runs.id'))
    .addColumn('device_id', 'text', (column) => column.notNull().references('devices.id'))
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('spec_json', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('fence', 'integer', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('losses', 'integer', (column) => column.notNull())
    .addColumn('lease_until_ms', 'bigint')
    .addColumn('not_before_ms', 'bigint', (column) => column.notNull())
    .addColumn('progress_step', 'text')
    .addColumn('progress_fraction', 'double precision')
    .addColumn('failure_json', 'text')
    .addColumn('time_limit_ms', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('jobs_run').on('jobs').columns(['run_id', 'device_id', 'position']).execute();
  await db.schema.createIndex('jobs_device').on('jobs').columns(['device_id', 'state']).execute();
  await db.schema.createIndex('jobs_state').on('jobs').columns(['state', 'lease_until_ms']).execute();
}

async function createResults(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const bytes = sql.raw(types.bytes);
  await db.schema
    .createTable('results')
    .addColumn('digest', 'text', (column) => column.primaryKey())
    .addColumn('job_id', 'text', (column) => column.notNull().references('jobs.id'))
    .addColumn('run_id', 'text', (column) => column.notNull().references('runs.id'))
    .addColumn('device_id', 'text', (column) => column.notNull().references('devices.id'))
    .addColumn('fence', 'integer', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('received_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('bytes', sql`${bytes}`, (column) => column.notNull())
    .addColumn('signature', sql`${bytes}`, (column) => column.notNull())
    .execute();
  // The promise "at most one committed result per job" is kept by the database itself.
  await sql`create unique index results_committed on results (job_id) where state = 'committed'`.execute(db);
  await db.schema.createIndex('results_run').on('results').column('run_id').execute();
  await db.schema.createIndex('results_job').on('results').columns(['job_id', 'fence']).execute();
  await db.schema
    .createTable('result_blobs')
    .addColumn('result_digest', 'text', (column) => column.notNull().references('results.digest'))
    .addColumn('blob_digest', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('result_blobs_key', ['result_digest', 'blob_digest'])
    .execute();
}

async function createTasksAndEvents(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('tasks')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('number', 'bigint', (column) => column.notNull().unique())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('params_json', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('progress_step', 'text')
    .addColumn('progress_fraction', 'double precision')
    .addColumn('result_json', 'text')
    .addColumn('error_json', 'text')
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('events')
    .addColumn('seq', 'bigint', (column) => column.primaryKey())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('data_json', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('events_subject').on('events').columns(['subject', 'seq']).execute();
  await db.schema
    .createTable('counters')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'bigint', (column) => column.notNull())
    .execute();
}
