import { QfleetError } from '@qfleet/shared/errors.ts';
import type { JobRecord, RunRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { parseStoredResult } from './parse-stored-result.ts';
import type { StoredRun } from './stored-run.ts';

/** `runId` as `Store.findRun` takes it. Throws `not-found` for an unknown run or its model. */
export async function loadRun(runId: string, store: Store): Promise<StoredRun> {
  const run = await store.findRun(runId);
  if (!run) {
    const hint = 'List the runs with: ./qfleet run ls';
    throw new QfleetError('not-found', `There is no run "${runId}".`, { hint });
  }
  const model = await store.findModel(run.modelDigest);
  if (!model) {
    throw new QfleetError(
      'not-found',
      `The model ${run.modelDigest} of run "${run.id}" is not stored any more.`,
    );
  }
  const jobs = await store.listJobs(run.id);
  const variants = await store.listVariants(run.modelDigest);
  return {
    run,
    model,
    variants: run.variantDigests.flatMap(
      (digest) => variants.find((variant) => variant.digest === digest) ?? [],
    ),
    dataset: run.datasetDigest === undefined ? undefined : await store.findDataset(run.datasetDigest),
    // Also those that were removed since.
    devices: await store.findDevices(run.deviceIds),
    jobs,
    results: await loadResults(run, jobs, store),
  };
}

async function loadResults(
  run: RunRecord,
  jobs: readonly JobRecord[],
  store: Store,
): Promise<StoredRun['results']> {
  const committed = (await store.listResults(run.id)).filter((record) => record.state === 'committed');
  const probeJobs = new Set(jobs.filter(({ kind }) => kind === 'probe').map(({ id }) => id));
  const probed = new Set(
    committed
      .filter((record) => probeJobs.has(record.jobId) && parseStoredResult(record) !== undefined)
      .map(({ deviceId }) => deviceId),
  );
  const others = run.deviceIds.filter((deviceId) => !probed.has(deviceId));
  // What was probed after the end of a run must not change its report.
  const untilMs = run.finishedAtMs ?? Number.MAX_SAFE_INTEGER;
  const earlier = await store.latestProbes(others, untilMs);
  return [...committed, ...earlier].map(({ digest, deviceId, bytes }) => ({ digest, deviceId, bytes }));
}
