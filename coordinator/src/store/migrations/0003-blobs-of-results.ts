import type { Migration } from './migration.ts';

/** Whose results refer to a blob is asked for every upload. */
export const blobsOfResults: Migration = {
  name: '0003-blobs-of-results',
  up: async (db) => {
    await db.schema.createIndex('result_blobs_blob').on('result_blobs').column('blob_digest').execute();
  },
};
