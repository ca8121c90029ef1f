// The thread of create-backup.ts: a copy of a large database takes seconds in which agents must be answered.
import { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';

const { from, to } = workerData as { readonly from: string; readonly to: string };
// A connection of its own sees one state of the database, however much is written meanwhile.
using database = new DatabaseSync(from, { readOnly: true, timeout: 10_000 });
database.prepare('vacuum into ?').run(to);
