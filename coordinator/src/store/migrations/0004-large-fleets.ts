import type { Migration } from './migration.ts';

/** Indexes without which a result, a lease or a report looks at every job or result of the fleet. */
export const largeFleets: Migration = {
  name: '0004-large-fleets',
  up: async (db) => {
    await db.schema.createIndex('jobs_run_state').on('jobs').columns(['run_id', 'state']).execute();
    await db.schema.createIndex('runs_state').on('runs').column('state').execute();
    await db.schema.createIndex('devices_state').on('devices').column('state').execute();
    await db.schema
      .createIndex('results_device')
      .on('results')
      .columns(['device_id', 'received_at_ms'])
      .execute();
  },
};
