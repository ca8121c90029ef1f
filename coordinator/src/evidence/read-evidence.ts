import { type Digest, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { collectCells } from '../analysis/collect-cells.ts';
import type { RunEvidence } from '../analysis/evidence.ts';
import { findProbes } from '../analysis/find-probes.ts';
import { listMeasurements } from '../analysis/list-measurements.ts';
import {
  blobsOfMeasurement,
  type MeasuredVariant,
  type Measurement,
  summariseMeasurement,
} from '../analysis/summarise-measurement.ts';
import type { Dataset, Split } from '../artefacts/artefacts.ts';
import type { JobRecord } from '../store/records.ts';
import { parseStoredResult } from './parse-stored-result.ts';
import type { StoredRun } from './stored-run.ts';
import type { SummaryCache } from './summary-cache.ts';

/** What may be held of blobs at a time, bytes: a device can send a gibibyte with every result. */
const maxHeldBytes = 2 * 2 ** 30;
/** Kept summaries that are read at the same time. */
const readAtOnce = 32;

/** Content by digest; throws `not-found`, and `digest-mismatch` where the disk has changed it. */
export interface BlobReader {
  read(digest: Digest): Promise<Uint8Array>;
}

/**
 * Everything that the report of one run is computed from. A result, or a blob of one, that is gone or that the disk has
 * changed is left out, so that it costs its own cells and no others. With a cache, measurements are taken from it, or
 * summarised and put there one by one: their blobs, which are most of all bytes, are then not in the evidence.
 */
export async function readEvidence(
  stored: StoredRun,
  blobs: BlobReader,
  cache?: SummaryCache,
): Promise<RunEvidence> {
  const results = stored.results.flatMap((record) => {
    const result = parseStoredResult(record);
    return result ? [{ digest: record.digest, deviceId: record.deviceId, result }] : [];
  });
  const { dataset, jobs } = stored;
  const facts = { ...stored, results };
  const measured = cache && (await readMeasured(facts, blobs, cache));
  const others = results.filter(({ digest }) => !measured?.has(digest));
  return {
    ...facts,
    labels: dataset && (await loadLabels(dataset, jobs, blobs)),
    blobs: await readBlobs(
      others.flatMap(({ result }) => result.blobs),
      blobs,
    ),
    ...(measured && { measured }),
  };
}

async function readMeasured(
  facts: Omit<RunEvidence, 'labels' | 'blobs'>,
  blobs: BlobReader,
  cache: SummaryCache,
): Promise<ReadonlyMap<string, readonly MeasuredVariant[]>> {
  const measurements = listMeasurements(collectCells(facts), findProbes(facts), facts);
  const measured = new Map<string, readonly MeasuredVariant[]>();
  for (let from = 0; from < measurements.length; from += readAtOnce) {
    const some = measurements.slice(from, from + readAtOnce);
    const kept = await Promise.all(some.map((measurement) => cache.read(cache.keyOf(measurement))));
    for (const [i, measurement] of some.entries()) {
      // One by one: the blobs of one measurement are held at a time.
      measured.set(measurement.resultDigest, kept[i] ?? (await summarise(measurement, blobs, cache)));
    }
  }
  return measured;
}

async function summarise(
  measurement: Measurement,
  blobs: BlobReader,
  cache: SummaryCache,
): Promise<readonly MeasuredVariant[]> {
  const needed = blobsOfMeasurement(measurement);
  const contents = await readBlobs(needed, blobs);
  const variants = summariseMeasurement(measurement, contents);
  // With a blob gone it is not what it could be once that is back.
  if (needed.every((digest) => contents.has(digest))) await cache.write(cache.keyOf(measurement), variants);
  return variants;
}

async function readBlobs(
  digests: readonly string[],
  blobs: BlobReader,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  let heldBytes = 0;
  for (const digest of [...new Set(digests)].sort()) {
    const content = await readIfWhole(blobs, digest);
    if (!content) continue;
    contents.set(digest, content);
    heldBytes += content.byteLength;
    if (heldBytes > maxHeldBytes) throw tooMuch(contents.size, content.byteLength);
  }
  return contents;
}

function tooMuch(count: number, lastBytes: number): QfleetError {
  return new QfleetError(
    'resource-exhausted',
    `The outputs and samples of this run take more than ${maxHeldBytes / 2 ** 30} GiB (${count} files, the last one of ${lastBytes} bytes).`,
    { hint: 'Repeat the run with fewer inputs, variants or devices.' },
  );
}

async function readIfWhole(blobs: BlobReader, digest: string): Promise<Uint8Array | undefined> {
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
  blobs: BlobReader,
): Promise<Uint32Array | undefined> {
  const split = evaluatedSplit(dataset, jobs);
  if (!split?.labelsBlob) return undefined;
  const bytes = await blobs.read(parseDigest(split.labelsBlob));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, i) =>
    view.getUint32(i * 4, true),
  );
}

function evaluatedSplit(dataset: Dataset, jobs: readonly JobRecord[]): Split | undefined {
  const { all, calibration, evaluation } = dataset.splits;
  const first = jobs.flatMap((job) => job.spec.evaluate?.inputs?.shards ?? [])[0];
  const used = [evaluation, all, calibration].find((split) =>
    split?.shards.some((shard) => shard.digest === first?.digest),
  );
  return used ?? evaluation ?? all;
}
