import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes, parseDigest } from '@qfleet/shared/digest.ts';
import type { RunEvidence } from '../analysis/evidence.ts';
import { summariseCells } from '../analysis/summarise-cells.ts';
import { syntheticEvidence } from '../analysis/synthetic-evidence.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { buildReport } from '../report/build-report.ts';
import { openStore } from '../store/open-store.ts';
import type { NewRun, Store } from '../store/store.ts';
import { loadEvidence } from './load-evidence.ts';
import { storeEvidence } from './store-evidence.fixture.ts';

async function withStores(
  use: (store: Store, blobs: BlobStore, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-evidence-'));
  const store = await openStore(join(folder, 'data'));
  try {
    await use(store, await openFileBlobStore(join(folder, 'blobs')), folder);
  } finally {
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

function lease(store: Store, deviceId: string) {
  return store.leaseNextJob(deviceId, 60_000);
}

test('what was stored comes back as the evidence it was, and gives the same cells', async () => {
  await withStores(async (store, blobs) => {
    const evidence = syntheticEvidence();
    await storeEvidence(evidence, store, blobs);
    const loaded = await loadEvidence('latest', store, blobs);
    assert.equal(loaded.results.length, evidence.results.length);
    assert.deepEqual(loaded.labels, evidence.labels);
    assert.deepEqual([...loaded.blobs.keys()].sort(), [...evidence.blobs.keys()].sort());
    const cellsOf = (from: RunEvidence) => summariseCells(from).map(({ cell }) => cell);
    assert.deepEqual(cellsOf(loaded), cellsOf(evidence));
  });
});

const place = { deviceId: 'one', backendId: 'onnxruntime-cpu', inputs: 20 };

test('an unknown run is named', async () => {
  await withStores(async (store, blobs) => {
    await assert.rejects(loadEvidence('nowhere', store, blobs), { code: 'not-found' });
  });
});

test('a blob that is gone, or that the disk has changed, costs what it carried and no more', async () => {
  await withStores(async (store, blobs) => {
    const evidence = syntheticEvidence({ places: [place] });
    await storeEvidence(evidence, store, blobs);
    const [gone = '', changed = ''] = evidence.blobs.keys();
    await blobs.remove(parseDigest(gone));
    const path = await blobs.path(parseDigest(changed));
    await chmod(path, 0o600);
    await writeFile(path, 'something else');
    const loaded = await loadEvidence(evidence.run.id, store, blobs);
    const kept = [...evidence.blobs.keys()].filter((digest) => digest !== gone && digest !== changed);
    assert.deepEqual([...loaded.blobs.keys()].sort(), kept.sort());
    assert.equal(loaded.results.length, evidence.results.length);
  });
});

test('a stored result whose bytes are no longer those of its digest is left out', async () => {
  await withStores(async (store, blobs, folder) => {
    const evidence = syntheticEvidence({ places: [place] });
    await storeEvidence(evidence, store, blobs);
    const isEvaluation = evidence.results.find(({ result }) => result.outcome.kind === 'evaluate');
    using database = new DatabaseSync(join(folder, 'data/qfleet.db'));
    const broken = [Buffer.from('{"not":'), isEvaluation?.digest ?? ''];
    assert.equal(database.prepare('update results set bytes = ? where digest = ?').run(...broken).changes, 1);
    const loaded = await loadEvidence(evidence.run.id, store, blobs);
    assert.equal(loaded.results.length, evidence.results.length - 1);
    const reasons = summariseCells(loaded).map(({ cell }) => cell.numerics.reasons[0]?.detail);
    assert.equal(reasons.filter((reason) => reason?.startsWith('no-result: ')).length, 1);
  });
});

test('a device that was removed since keeps its name and its inventory in the reports of its runs', async () => {
  await withStores(async (store, blobs) => {
    const evidence = syntheticEvidence();
    await storeEvidence(evidence, store, blobs);
    const before = buildReport(await loadEvidence('latest', store, blobs));
    await store.removeDevice('virtual-a53');
    assert.deepEqual(buildReport(await loadEvidence('latest', store, blobs)), before);
  });
});

test('neither a later probe of another run nor a new boot changes the report of a run that has ended', async () => {
  await withStores(async (store, blobs) => {
    const evidence = syntheticEvidence({ places: [place] });
    await storeEvidence(evidence, store, blobs);
    await store.finishRunIfDone(evidence.run.id);
    const probe = evidence.results.find(({ result }) => result.outcome.kind === 'probe');
    const other = evidence.jobs.find(({ kind }) => kind === 'measure');
    assert.ok(other);
    const jobs = [{ ...other, id: 'timed-0' }];
    const timed = await store.createRun({ ...exampleOf(evidence), id: 'timed', jobs });
    await store.cancelRun(timed.id, 'seen enough');
    const before = [
      buildReport(await loadEvidence(evidence.run.id, store, blobs)),
      buildReport(await loadEvidence(timed.id, store, blobs)),
    ];
    assert.equal(before[1]?.devices[0]?.probe.resultDigest, probe?.digest, 'the probe from before it');
    await new Promise((resolve) => setTimeout(resolve, 5));
    await reprobe(evidence, store);
    const { inventory, backends } = evidence.devices[0] ?? {};
    assert.ok(inventory && backends);
    const hello = { agentVersion: '9.9.9', bootId: 'another boot', inventory, backends, clockOffsetMs: 0 };
    await store.recordHello('one', hello);
    const after = [
      buildReport(await loadEvidence(evidence.run.id, store, blobs)),
      buildReport(await loadEvidence(timed.id, store, blobs)),
    ];
    assert.deepEqual(after[0], before[0]);
    assert.equal(after[1]?.devices[0]?.probe.resultDigest, probe?.digest);
  });
});

function exampleOf(evidence: RunEvidence): { record: NewRun['record'] } {
  return { record: { ...evidence.run } };
}

/** The device is probed once more, in a run of its own. */
async function reprobe(evidence: RunEvidence, store: Store): Promise<void> {
  const probe = evidence.results.find(({ result }) => result.outcome.kind === 'probe');
  const spec = { spec: 'probe' as const, probe: { maxMemoryBytes: 0 } };
  const jobs = [{ id: 'again', deviceId: 'one', position: 0, spec, timeLimitMs: 1000 }];
  await store.createRun({ ...exampleOf(evidence), id: 'later', jobs });
  const job = await lease(store, 'one');
  assert.ok(job && probe);
  const bytes = Buffer.from(canonicalJson({ ...probe.result, jobId: job.id, runId: 'later' }));
  const result = { digest: digestBytes(bytes), jobId: job.id, deviceId: 'one', fence: job.fence, bytes };
  const status = await store.commitResult({
    ...result,
    signature: new Uint8Array(),
    failure: undefined,
    onFailure: 'final',
  });
  assert.equal(status, 'committed');
}
