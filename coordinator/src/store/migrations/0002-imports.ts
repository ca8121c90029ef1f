import type { Migration } from './migration.ts';

/** Measurements that others published. */
export const imports: Migration = {
  name: '0002-imports',
  up: async (db) => {
    await db.schema
      .createTable('imports')
      .addColumn('digest', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull().unique())
      .addColumn('record_json', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .execute();
  },
};
