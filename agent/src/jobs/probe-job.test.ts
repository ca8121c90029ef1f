import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import { makeTools } from '../testing/make-tools.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { runJob } from './run-job.ts';

test('a probe is given the job’s bound of memory as it is, and 0, the probe’s own, where there is none', async () => {
  await using folder = await temporaryFolder();
  const given: number[] = [];
  const tools = makeTools(folder.path, {
    runProbes: async ({ maxMemoryBytes }) => {
      given.push(maxMemoryBytes);
      return { readings: [], latencyLadder: [] };
    },
  });
  for (const maxMemoryBytes of [0, 64e6]) {
    const job: Job__Output = {
      id: 'job_1',
      runId: 'run_1',
      fence: 1,
      attempt: 1,
      timeLimitMs: 0,
      spec: 'probe',
      probe: { maxMemoryBytes },
    };
    const signal = new AbortController().signal;
    await runJob({ job, workFolder: join(folder.path, 'work'), signal, onProgress: () => undefined }, tools);
  }
  assert.deepEqual(given, [0, 64e6]);
});
