import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import type { RunEvidence } from './evidence.ts';
import { loadEvidence } from './load-evidence.ts';
import { summariseCells } from './summarise-cells.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';

async function withStores(use: (store: Store, blobs: BlobStore) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-evidence-'));
  const store = await openStore(join(folder, 'data'));
  try {
    await use(store, await openFileBlobStore(join(folder, 'blobs')));
  } finally {
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Brings the evidence in the way a fleet does: jobs are leased, results committed with their blobs. */
async function storeEvidence(evidence: RunEvidence, store: Store, blobs: BlobStore): Promise<void> {
  const { run, model, variants, dataset, devices, jobs, results } = evidence;
  for (const bytes of evidence.blobs.values()) await blobs.put(bytes);
  for (const device of devices) {
    await store.addDevice({ id: device.id, name: device.name, publicKey: device.id });
    assert.ok(device.inventory);
    await store.recordHello(device.id, {
      agentVersion: '0.1.0',
      bootId: `boot-${device.id}`,
      inventory: device.inventory,
      backends: device.backends,
      clockOffsetMs: 0,
    });
  }
  await store.addModel(model);
  for (const variant of variants) await store.addVariant(variant);
  assert.ok(dataset?.splits.all && evidence.labels);
  const labelsBlob = await blobs.put(Buffer.from(Uint32Array.from(evidence.labels).buffer));
  await store.addDataset({ ...dataset, splits: { all: { ...dataset.splits.all, labelsBlob } } });
  await store.createRun({
    id: run.id,
    record: { ...run },
    jobs: jobs.map(({ id, deviceId, spec, timeLimitMs }, position) => ({
      id,
      deviceId,
      spec,
      timeLimitMs,
      position,
    })),
  });
  for (const device of devices) {
    for (let job = await lease(store, device.id); job; job = await lease(store, device.id)) {
      const done = results.find(({ result }) => result.jobId === job?.id);
      assert.ok(done);
      const status = await store.commitResult({
        digest: done.digest,
        jobId: job.id,
        deviceId: device.id,
        fence: job.fence,
        bytes: Buffer.from(JSON.stringify(done.result)),
        signature: new Uint8Array(),
        failure: undefined,
        onFailure: 'final',
      });
      assert.equal(status, 'committed');
    }
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

test('an unknown run and a blob that is gone are named', async () => {
  await withStores(async (store, blobs) => {
    const isNotFound = (error: unknown): boolean =>
      error instanceof QfleetError && error.code === 'not-found';
    await assert.rejects(loadEvidence('nowhere', store, blobs), isNotFound);
    const evidence = syntheticEvidence({
      places: [{ deviceId: 'one', backendId: 'onnxruntime-cpu', inputs: 20 }],
    });
    await storeEvidence(evidence, store, blobs);
    const [gone] = evidence.blobs.keys();
    await blobs.remove(parseDigest(gone ?? ''));
    await assert.rejects(loadEvidence(evidence.run.id, store, blobs), isNotFound);
  });
});
