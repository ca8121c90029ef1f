import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import { addModel } from '../artefacts/add-model.ts';
import { importDataset } from '../artefacts/import-dataset.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { writeNpz } from '../cli/demo/write-npz.ts';
import { EventBus } from '../fleet/event-bus.ts';
import { planSchema } from '../plan/plan.ts';
import { noCache } from '../quantize/calibration/calibration-cache.ts';
import { makeGlyphSet } from '../sample/make-glyph-set.ts';
import { openStore } from '../store/open-store.ts';
import type { RunRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { createQuantizeTask } from '../tasks/quantize-task.ts';
import { createRun } from './create-run.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'qfleet-create-run-'));
const sample = fileURLToPath(new URL('../../sample/glyphnet.onnx', import.meta.url));
const signal = new AbortController().signal;
let store: Store;
let blobs: BlobStore;

const inventory: Inventory = {
  schema: 'qfleet.inventory/1',
  hostname: 'h',
  architecture: 'arm64',
  cpu: { model: 'Cortex-A53', processors: 4, features: [] },
  caches: [],
  memoryBytes: 1e9,
  os: 'Linux',
  kernel: '6.1',
  nodeVersion: 'v24.21.0',
};
const backends = [
  { id: 'onnxruntime-cpu', available: true, version: '1.30.0', reason: '', capabilities: {} },
];

before(async () => {
  store = await openStore(dataDir);
  blobs = await openFileBlobStore(join(dataDir, 'blobs'));
  const set = makeGlyphSet({ seed: 5, count: 48 });
  const path = join(dataDir, 'glyphs.npz');
  await writeNpz(path, {
    images: { data: set.images, shape: [48, set.height, set.width, set.channels] },
    labels: { data: set.labels, shape: [48] },
  });
  const contract = { preset: 'unit' } as const;
  const model = await addModel({ path: sample, name: 'glyphnet', contract, store, blobs });
  const data = { path, store, blobs, classCount: set.classNames.length };
  const split = { calibration: 8, seed: 1 };
  const halves = await importDataset({ ...data, name: 'split', split });
  await importDataset({ ...data, name: 'whole', split: 'none' });
  const order = { model: model.name, calibration: halves.name, recipes: ['int8-per-channel'] };
  await createQuantizeTask({ store, blobs, cache: noCache }).run(order, {
    signal,
    onProgress: () => undefined,
  });
  for (const id of ['pi3', 'away']) {
    await store.addDevice({ id, name: id, publicKey: id });
    await store.recordHello(id, { agentVersion: '0', bootId: id, inventory, backends, clockOffsetMs: 0 });
  }
  await store.addDevice({ id: 'new', name: 'new', publicKey: 'new' });
});
after(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true });
});

async function create(plan: object, connected = ['pi3']): Promise<RunRecord> {
  const fleet = { connectedDeviceIds: () => connected, wake: () => undefined };
  const events = new EventBus(store);
  return createRun({
    plan: planSchema.parse({ model: 'glyphnet', ...plan }),
    store,
    blobs,
    events,
    fleet,
    signal,
  });
}

test('a plan of defaults runs every variant on every connected device', async () => {
  const run = await create({ evaluation: { dataset: 'split' } });
  assert.deepEqual(run.deviceIds, ['pi3']);
  assert.equal(run.variantDigests.length, 2);
  const jobs = await store.listJobs(run.id);
  assert.deepEqual(
    jobs.map(({ kind }) => kind),
    ['probe', 'measure', 'evaluate', 'evaluate'],
  );
  assert.equal(jobs[2]?.spec.evaluate?.inputs?.count, 40);
  const events = await store.listEvents({ afterSeq: 0, subject: `run:${run.id}`, limit: 9 });
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['run.created'],
  );
});

test('an evaluation on calibration inputs is refused with the number, unless the plan allows it', async () => {
  await assert.rejects(create({ evaluation: { dataset: 'whole' } }), {
    code: 'refused',
    message: /8 of 48 evaluation inputs were used to calibrate int8-per-channel/,
  });
  const fp32 = await create({ variants: ['fp32'], evaluation: { dataset: 'whole' } });
  assert.deepEqual(fp32.notes, []);
  const allowed = await create({ evaluation: { dataset: 'whole', allowOverlap: true } });
  assert.match(allowed.notes.join(), /8 of 48 .* the plan allows it/);
});

test('without a connected agent a run is refused with what to do', async () => {
  await assert.rejects(create({}, []), {
    code: 'failed-precondition',
    message: /No agent is connected/,
    hint: /qfleet-agent run/,
  });
});

test('a named device that is away keeps its place; one that never connected is refused', async () => {
  const run = await create({ devices: ['away'] });
  assert.match(run.notes.join(), /away is not connected; its jobs wait for it/);
  await assert.rejects(create({ devices: ['new'] }), {
    code: 'failed-precondition',
    message: /never connected/,
  });
});

test('a mistyped name is answered with the nearest one', async () => {
  const refusals: [object, RegExp][] = [
    [{ model: 'glifnet' }, /glyphnet/],
    [{ variants: ['int8-perchannel'] }, /int8-per-channel/],
    [{ devices: ['pi33'] }, /pi3/],
    [{ evaluation: { dataset: 'spilt' } }, /split/],
  ];
  for (const [plan, hint] of refusals) await assert.rejects(create(plan), { code: 'not-found', hint });
});
