/** The database's file in the data folder; SQLite keeps its write-ahead log in the same name with `-wal`. */
export const databaseName = 'qfleet.db';
