import { openStore } from './open-store.ts';
import { addExampleDevices, exampleResult, exampleRun } from './store-fixtures.ts';

/**
 * Leases and commits for ever on the data folder given, and says `A <digest>` after each commit: what a
 * coordinator would have acknowledged. To be killed.
 */
const store = await openStore(process.argv[2] ?? '');
if (!(await store.findDevice('d1'))) await addExampleDevices(store, { d1: 'boot' });
const round = (await store.listRuns()).length;
await store.createRun(exampleRun(`round${round}`, ['d1'], 500));
for (;;) {
  const job = await store.leaseNextJob('d1', 1);
  if (!job) continue;
  const result = exampleResult({ jobId: job.id, deviceId: 'd1', fence: job.fence });
  const answer = await store.commitResult(result);
  if (answer === 'committed') process.stdout.write(`A ${result.digest}\n`);
}
