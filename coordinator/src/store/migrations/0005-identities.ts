import type { Migration } from './migration.ts';

/** What is to be known of a device's identity: until when its certificate holds, and who else uses it. */
export const identities: Migration = {
  name: '0005-identities',
  up: async (db) => {
    await db.schema.alterTable('devices').addColumn('certificate_ends_at_ms', 'bigint').execute();
    await db.schema.alterTable('devices').addColumn('rival_json', 'text').execute();
    await db.schema
      .createIndex('devices_certificate')
      .on('devices')
      .column('certificate_ends_at_ms')
      .execute();
  },
};
