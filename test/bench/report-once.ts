// A child of report-cells.ts: makes the report of the stored run once, and says how long that took and what it held.
import { join } from 'node:path';
import { loadRun } from '../../coordinator/src/evidence/load-run.ts';
import { renderReport } from '../../coordinator/src/main/render-report.ts';
import { openStore } from '../../coordinator/src/store/open-store.ts';

const folder = process.argv[2]!;
const store = await openStore(join(folder, 'data'));
const start = performance.now();
const report = await renderReport({
  kind: 'run',
  stored: await loadRun('latest', store),
  folders: { blobs: join(folder, 'blobs'), summaries: join(folder, 'summaries') },
  format: 'json',
});
let bytes = 0;
for await (const piece of report) bytes += (piece as Uint8Array).byteLength;
const seconds = (performance.now() - start) / 1000;
await store[Symbol.asyncDispose]();
const megabytes = (process.resourceUsage().maxRSS * 1024) / 1e6;
process.stdout.write(JSON.stringify({ seconds, megabytes, bytes }));
