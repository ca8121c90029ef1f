import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@qfleet/shared/logger.ts';
import type { Services } from '../api/services.ts';
import { encodeNpy } from '../artefacts/testing/encode-npy.ts';
import type { TaskRecord } from '../store/records.ts';
import { addDatasetSchema, quantizeSchema } from '../tasks/task-params.ts';
import { type Coordinator, startCoordinator } from './start-coordinator.ts';

const sample = fileURLToPath(new URL('../../sample/glyphnet.onnx', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'qfleet-start-'));
after(() => rmSync(root, { recursive: true, force: true }));

function start(dataDir: string): Promise<Coordinator> {
  return startCoordinator({
    dataDir,
    api: { host: '127.0.0.1', port: 0 },
    fleet: { host: '127.0.0.1', port: 0 },
    publicHosts: [],
    allowedHosts: [],
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
}

test('something else where a part of the data folder should be is named, with exit 78', async () => {
  for (const [name, damage] of [
    ['blobs', (path: string) => writeFileSync(path, '')],
    ['pki', (path: string) => writeFileSync(path, '')],
    ['calibration', (path: string) => writeFileSync(path, '')],
    ['summaries', (path: string) => writeFileSync(path, '')],
    ['operator.json', (path: string) => mkdirSync(join(path, 'something'), { recursive: true })],
    ['owner.json', (path: string) => mkdirSync(join(path, 'something'), { recursive: true })],
  ] as const) {
    const dataDir = join(root, name);
    mkdirSync(dataDir);
    const path = join(dataDir, name);
    damage(path);
    await assert.rejects(start(dataDir), (error: Error & { code: string; hint?: string }) => {
      assert.equal(error.code, 'configuration', error.message);
      assert.ok(error.message.includes(path), error.message);
      assert.ok(error.hint);
      return true;
    });
  }
});

test('a certificate authority that is gone while devices trust it is said', async () => {
  const dataDir = join(root, 'authority');
  {
    await using coordinator = await start(dataDir);
    assert.deepEqual(coordinator.notices, []);
    await coordinator.services.addDevice({ name: 'board', outDir: join(root, 'board') });
  }
  rmSync(join(dataDir, 'pki'), { recursive: true });
  await using coordinator = await start(dataDir);
  assert.match(coordinator.notices.join(), /1 devices no longer trust this coordinator/);
});

test('what a killed coordinator left on the way is gone after the next start', async () => {
  const dataDir = join(root, 'killed');
  for (const folder of ['tmp/qfleet-import-1', 'tmp/qfleet-quantize-2/.work-3', 'pki', 'calibration']) {
    mkdirSync(join(dataDir, folder), { recursive: true, mode: 0o700 });
  }
  chmodSync(dataDir, 0o700);
  const victim = join(root, 'victim');
  writeFileSync(victim, 'precious');
  symlinkSync(root, join(dataDir, 'tmp', 'link'));
  const left = [
    'tmp/qfleet-import-1/items',
    'tmp/qfleet-quantize-2/.work-3/source.onnx',
    'operator.json.0123456789ab.tmp',
    'pki/ca.key.0123456789ab.tmp',
    'calibration/x.json.c0ffee00-0000-4000-8000-000000000000.new',
  ];
  for (const name of left) writeFileSync(join(dataDir, name), '');
  await using _coordinator = await start(dataDir);
  assert.deepEqual(
    left.filter((name) => existsSync(join(dataDir, name))),
    [],
  );
  assert.deepEqual(readdirSync(join(dataDir, 'tmp')), []);
  assert.ok(existsSync(victim), 'what a link leads to stays');
});

test('everything on the way lies in the data folder: import, inspection and quantization need no other', async () => {
  const dataDir = join(root, 'elsewhere');
  await using coordinator = await start(dataDir);
  const { services } = coordinator;
  const systems = process.env['TMPDIR'];
  process.env['TMPDIR'] = join(root, 'nowhere');
  try {
    await services.addModel({ path: sample, name: 'net', contract: { preset: 'raw' } });
    const path = join(root, 'items.npy');
    writeFileSync(path, encodeNpy('<f4', [8, 1, 32, 32], new Float32Array(8 * 32 * 32).fill(0.5)));
    await finished(
      services,
      await services.enqueueImport(addDatasetSchema.parse({ path, name: 'items', split: 'none' })),
    );
    const order = quantizeSchema.parse({ model: 'net', calibration: 'items', recipes: ['int8-per-tensor'] });
    await finished(services, await services.enqueueQuantize(order));
  } finally {
    if (systems === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = systems;
  }
  assert.deepEqual(readdirSync(join(dataDir, 'tmp')), [], 'and nothing stays');
});

async function finished({ store }: Services, { id }: TaskRecord): Promise<void> {
  for (;;) {
    const task = await store.findTask(id);
    if (task?.state === 'completed') return;
    assert.ok(task?.state === 'queued' || task?.state === 'running', JSON.stringify(task?.error));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
