import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What one result gives when it is worked out by hand. */
export interface Recomputed {
  readonly deviceId: string;
  readonly backend: string;
  readonly variantDigest: string;
  /** Share of inputs whose best class is the label, 0…1; undefined without labels. */
  readonly top1?: number;
  /** Best class of every input. */
  readonly classes?: readonly number[];
  /** Median over launches of the launch's median, nanoseconds. */
  readonly p50Ns?: number;
}

/**
 * Works out top-1, classes and p50 of a run from the files alone: the database opened read-only, the blobs
 * from disk, arithmetic written here. Shares no code with the analysis that it is to check. Every blob's and
 * result's digest is verified on the way.
 */
export function recomputeRun(dataFolder: string, runId: string): Recomputed[] {
  const database = new DatabaseSync(findDatabase(dataFolder), { readOnly: true });
  try {
    const labels = readLabels(database, dataFolder, runId);
    const rows = database
      .prepare("select digest, device_id, bytes from results where run_id = ? and state = 'committed'")
      .all(runId) as { digest: string; device_id: string; bytes: Uint8Array }[];
    return rows.flatMap((row) => {
      if (sha256(row.bytes) !== row.digest) throw new Error(`result ${row.digest} was changed`);
      const { outcome } = JSON.parse(Buffer.from(row.bytes).toString('utf8'));
      if (outcome.kind === 'evaluate')
        return [recomputeEvaluation(row.device_id, outcome.facts, dataFolder, labels)];
      if (outcome.kind === 'measure') return recomputeMeasurement(row.device_id, outcome.facts, dataFolder);
      return [];
    });
  } finally {
    database.close();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: raw JSON on purpose, so that nothing of the checked code is used
type Raw = any;

function recomputeEvaluation(
  deviceId: string,
  facts: Raw,
  data: string,
  labels: Uint32Array | undefined,
): Recomputed {
  const place = { deviceId, backend: facts.backend.id, variantDigest: facts.variantDigest };
  if (!facts.topK) return place;
  const bytes = readBlob(data, facts.topK.blob);
  const stride = facts.topK.k * 8;
  const classes = Array.from({ length: facts.count }, (_, i) => bytes.readUInt32LE(i * stride));
  if (!labels) return { ...place, classes };
  const right = classes.filter((best, i) => best === labels[i]).length;
  return { ...place, classes, top1: right / facts.count };
}

function recomputeMeasurement(deviceId: string, facts: Raw, data: string): Recomputed[] {
  const bytes = readBlob(data, facts.samplesBlob);
  const medians = new Map<string, number[]>();
  for (const launch of facts.launches) {
    if (launch.failure) continue;
    const first = launch.sampleOffset + launch.warmupCount;
    const samples = Array.from({ length: launch.timedCount }, (_, i) => bytes.readDoubleLE((first + i) * 8));
    medians.set(launch.variantDigest, [...(medians.get(launch.variantDigest) ?? []), middle(samples)]);
  }
  return [...medians].map(([variantDigest, values]) => ({
    deviceId,
    backend: facts.backend.id,
    variantDigest,
    p50Ns: middle(values),
  }));
}

/** The middle value, or the mean of the two in the middle. */
function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[half] as number)
    : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}

function readLabels(database: DatabaseSync, data: string, runId: string): Uint32Array | undefined {
  const row = database
    .prepare('select record_json from datasets where digest = (select dataset_digest from runs where id = ?)')
    .get(runId) as { record_json: string } | undefined;
  if (!row) return undefined;
  const { splits } = JSON.parse(row.record_json);
  const blob = (splits.evaluation ?? splits.all)?.labelsBlob;
  if (!blob) return undefined;
  const bytes = readBlob(data, blob);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(i * 4));
}

function readBlob(data: string, digest: string): Buffer {
  const bytes = readFileSync(join(data, 'blobs', 'sha256', digest.slice(0, 2), digest));
  if (sha256(bytes) !== digest) throw new Error(`blob ${digest} was changed`);
  return bytes;
}

function findDatabase(data: string): string {
  return join(data, 'qfleet.db');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
