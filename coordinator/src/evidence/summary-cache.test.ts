import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { collectCells } from '../analysis/collect-cells.ts';
import { findProbes } from '../analysis/find-probes.ts';
import { listMeasurements } from '../analysis/list-measurements.ts';
import type { Measurement } from '../analysis/summarise-measurement.ts';
import { syntheticEvidence } from '../analysis/synthetic-evidence.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { buildReport } from '../report/build-report.ts';
import { formatJson } from '../report/format-json.ts';
import { openStore } from '../store/open-store.ts';
import { analysisVersion } from './analysis-version.ts';
import { loadRun } from './load-run.ts';
import { type BlobReader, readEvidence } from './read-evidence.ts';
import { storeEvidence } from './store-evidence.fixture.ts';
import { openSummaryCache } from './summary-cache.ts';

interface Stored {
  readonly folder: string;
  readonly blobs: BlobStore;
  /** The report's text, through a cache of that version or without any. */
  readonly report: (version: string | undefined, reader?: BlobReader) => Promise<string>;
}

async function withStoredRun(use: (stored: Stored) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-summaries-'));
  const store = await openStore(join(folder, 'data'));
  try {
    const blobs = await openFileBlobStore(join(folder, 'blobs'));
    await storeEvidence(syntheticEvidence(), store, blobs);
    const run = await loadRun('latest', store);
    await use({
      folder,
      blobs,
      report: async (version, reader = blobs) => {
        const cache =
          version === undefined ? undefined : await openSummaryCache(join(folder, 'summaries'), version);
        return formatJson(buildReport(await readEvidence(run, reader, cache)));
      },
    });
  } finally {
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

const files = (folder: string): Promise<string[]> => readdir(join(folder, 'summaries/1'));

test('a report from kept summaries is that from the samples, byte for byte, and reads no samples', async () => {
  await withStoredRun(async ({ folder, blobs, report }) => {
    const fromSamples = await report(undefined);
    const read: string[] = [];
    const counting: BlobReader = {
      read: async (digest) => {
        read.push(digest);
        return blobs.read(digest);
      },
    };
    assert.equal(await report('1', counting), fromSamples);
    const first = read.splice(0);
    assert.equal((await files(folder)).length, 3, 'of three places that are timed');
    assert.equal(await report('1', counting), fromSamples);
    const samples = syntheticMeasurements().flatMap(({ facts }) => facts.samplesBlob ?? []);
    assert.ok(samples.length > 0 && samples.every((digest) => first.includes(digest)));
    assert.ok(samples.every((digest) => !read.includes(digest)));
  });
});

test('a summary that the disk has changed is made anew; another version of the analysis removes them', async () => {
  await withStoredRun(async ({ folder, report }) => {
    const sound = await report('1');
    for (const name of await files(folder)) {
      const path = join(folder, 'summaries/1', name);
      const text = await readFile(path, 'utf8');
      const changed = text.replace('"round":1', '"round":2');
      assert.notEqual(changed, text);
      await writeFile(path, changed);
    }
    assert.equal(await report('1'), sound);
    assert.equal(await report('2'), sound);
    assert.deepEqual(await readdir(join(folder, 'summaries')), ['2']);
  });
});

test('with its samples gone a measurement is reported as such, and not kept', async () => {
  await withStoredRun(async ({ folder, blobs, report }) => {
    const [{ facts }] = syntheticMeasurements() as [Measurement];
    const bytes = await blobs.read(facts.samplesBlob as Parameters<BlobStore['read']>[0]);
    await blobs.remove(facts.samplesBlob as Parameters<BlobStore['remove']>[0]);
    assert.match(await report('1'), /the samples blob is gone/);
    assert.equal((await files(folder)).length, 2);
    await blobs.put(bytes);
    assert.doesNotMatch(await report('1'), /the samples blob is gone/);
    assert.equal((await files(folder)).length, 3);
  });
});

test('every thing that a summary depends on changes its key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-summaries-'));
  try {
    const cache = await openSummaryCache(folder, await analysisVersion());
    const [one] = syntheticMeasurements() as [Measurement];
    const [cell] = one.cells as [Measurement['cells'][number]];
    const others: Measurement[] = [
      { ...one, resultDigest: 'another' },
      { ...one, scenario: 'offline' },
      { ...one, seed: 99 },
      { ...one, probe: { ...one.probe, resultDigest: 'another' } },
      { ...one, device: { ...one.device, processors: 99 } },
      { ...one, device: { ...one.device, emulatedBy: 'qemu', emulatedAs: 'cortex-a53' } },
      { ...one, cells: [{ ...cell, id: 'another' }] },
      { ...one, cells: [{ ...cell, batch: 8 }] },
      { ...one, cells: [{ ...cell, layers: [] }] },
    ];
    assert.equal(new Set([one, ...others].map((each) => cache.keyOf(each))).size, 1 + others.length);
    assert.equal(cache.keyOf({ ...one }), cache.keyOf(one));
  } finally {
    await rm(folder, { recursive: true });
  }
});

function syntheticMeasurements(): Measurement[] {
  const evidence = syntheticEvidence();
  return listMeasurements(collectCells(evidence), findProbes(evidence), evidence);
}
