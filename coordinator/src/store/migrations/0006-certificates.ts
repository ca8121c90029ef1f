import type { Migration } from './migration.ts';

/** A bundle carries the certificates of the devices that signed, so that their keys follow from the authority. */
export const certificates: Migration = {
  name: '0006-certificates',
  up: async (db) => {
    await db.schema.alterTable('devices').addColumn('certificate_pem', 'text').execute();
  },
};
