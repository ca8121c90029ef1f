import { digestBytes, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type JobResult, jobResultSchema } from '@qfleet/shared/result/job-result.ts';
import type { Dataset, Split } from '../artefacts/artefacts.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { DeviceRecord, JobRecord, ResultRecord, RunRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { RunEvidence } from './evidence.ts';

/**
 * Everything that the report of one run is computed from; the only I/O of the analysis. `runId` as
 * `Store.findRun` takes it. A result, or a blob of one, that is gone or that the disk has changed is left out, so
 * that it costs its own cells and no others. Throws `not-found` for an unknown run or its model.
 */
export async function loadEvidence(runId: string, store: Store, blobs: BlobStore): Promise<RunEvidence> {
  const run = await store.findRun(runId);
  if (!run) {
    const hint = 'List the runs with: qfleet run ls';
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
  const results = await loadResults(run, store);
  const dataset = run.datasetDigest === undefined ? undefined : await store.findDataset(run.datasetDigest);
  const variants = await store.listVariants(run.modelDigest);
  return {
    run,
    model,
    variants: run.variantDigests.flatMap(
      (digest) => variants.find((variant) => variant.digest === digest) ?? [],
    ),
    dataset,
    labels: dataset && (await loadLabels(dataset, jobs, blobs)),
    devices: await loadDevices(run, store),
    jobs,
    results,
    blobs: await loadBlobs(results, blobs),
  };
}

async function loadResults(run: RunRecord, store: Store): Promise<RunEvidence['results']> {
  const committed = (await store.listResults(run.id)).filter((record) => record.state === 'committed');
  const parsed = committed.flatMap(withResult);
  const probed = new Set(
    parsed.filter(({ result }) => result.outcome.kind === 'probe').map(({ deviceId }) => deviceId),
  );
  const others = run.deviceIds.filter((deviceId) => !probed.has(deviceId));
  // What was probed after the end of a run must not change its report.
  const untilMs = run.finishedAtMs ?? Number.MAX_SAFE_INTEGER;
  const earlier = await Promise.all(others.map((deviceId) => store.latestProbe(deviceId, untilMs)));
  return [...parsed, ...earlier.filter((record) => record !== undefined).flatMap(withResult)];
}

/** Also those that were removed since. */
async function loadDevices(run: RunRecord, store: Store): Promise<DeviceRecord[]> {
  const found = await Promise.all(run.deviceIds.map((id) => store.findDevice(id)));
  return found.filter((device) => device !== undefined);
}

function withResult(record: ResultRecord): RunEvidence['results'] {
  const result = digestBytes(record.bytes) === record.digest ? parseResult(record.bytes) : undefined;
  return result ? [{ digest: record.digest, deviceId: record.deviceId, result }] : [];
}

/** Undefined where the bytes are none that this version understands. */
function parseResult(bytes: Uint8Array): JobResult | undefined {
  try {
    return jobResultSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

async function loadBlobs(
  results: RunEvidence['results'],
  blobs: BlobStore,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const digests = new Set(results.flatMap(({ result }) => result.blobs));
  const contents = new Map<string, Uint8Array>();
  for (const digest of [...digests].sort()) {
    const content = await readIfWhole(blobs, digest);
    if (content) contents.set(digest, content);
  }
  return contents;
}

async function readIfWhole(blobs: BlobStore, digest: string): Promise<Uint8Array | undefined> {
  try {
    return await blobs.read(parseDigest(digest));
  } catch (thrown) {
    const { code } = QfleetError.from(thrown);
    if (code === 'not-found' || code === 'digest-mismatch') return undefined;
    throw thrown;
  }
}

/** Labels of the split that the evaluate jobs took their shards from. */
async function loadLabels(
  dataset: Dataset,
  jobs: readonly JobRecord[],
  blobs: BlobStore,
): Promise<Uint32Array | undefined> {
  const split = evaluatedSplit(dataset, jobs);
  if (!split?.labelsBlob) return undefined;
  const bytes = await blobs.read(parseDigest(split.labelsBlob));
  const labels = new Uint32Array(Math.floor(bytes.byteLength / 4));
  for (let i = 0; i < labels.length; i++) labels[i] = bytes.readUInt32LE(i * 4);
  return labels;
}

function evaluatedSplit(dataset: Dataset, jobs: readonly JobRecord[]): Split | undefined {
  const { all, calibration, evaluation } = dataset.splits;
  const first = jobs.flatMap((job) => job.spec.evaluate?.inputs?.shards ?? [])[0];
  const used = [evaluation, all, calibration].find((split) =>
    split?.shards.some((shard) => shard.digest === first?.digest),
  );
  return used ?? evaluation ?? all;
}
