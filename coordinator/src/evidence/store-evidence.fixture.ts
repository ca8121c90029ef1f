import assert from 'node:assert/strict';
import type { RunEvidence } from '../analysis/evidence.ts';
import type { Dataset } from '../artefacts/artefacts.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Store } from '../store/store.ts';

/** Brings the evidence in the way a fleet does: jobs are leased, results committed with their blobs. */
export async function storeEvidence(evidence: RunEvidence, store: Store, blobs: BlobStore): Promise<void> {
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
  if (dataset) await storeDataset(dataset, { labels: evidence.labels, store, blobs });
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
  const byJob = new Map(results.map((entry) => [entry.result.jobId, entry]));
  for (const device of devices) {
    for (let job = await lease(store, device.id); job; job = await lease(store, device.id)) {
      const done = byJob.get(job.id);
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

async function storeDataset(
  dataset: Dataset,
  to: { readonly labels: Uint32Array | undefined; readonly store: Store; readonly blobs: BlobStore },
): Promise<void> {
  assert.ok(dataset.splits.all && to.labels);
  const labelsBlob = await to.blobs.put(Buffer.from(Uint32Array.from(to.labels).buffer));
  await to.store.addDataset({ ...dataset, splits: { all: { ...dataset.splits.all, labelsBlob } } });
}

function lease(store: Store, deviceId: string) {
  return store.leaseNextJob(deviceId, 60_000);
}
