import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { quantizeNet, randomItems, staticRecipe } from '../fixtures/quantize-net.ts';
import { residualNet } from '../fixtures/residual-net.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { openCalibrationCache, type StatisticsKey } from './calibration-cache.ts';
import type { Statistics } from './tensor-statistics.ts';

const key: StatisticsKey = {
  model: 'a'.repeat(64),
  datasetDigest: 'b'.repeat(64),
  count: 3,
  contract: { layout: 'NCHW', mean: [0.5], scale: 1 / 255 },
  tensors: ['x', 'y'],
  hasHistograms: true,
};
const seen = { low: -0.1, high: Math.PI, average: { low: -1e-30, high: 3e38 }, histogram: [1, 0, 2] };
const statistics: Statistics = { x: seen, y: { ...seen, low: 0 } };

describe('the calibration cache', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  afterEach(async () => rm(folder, { recursive: true }));

  it('gives back what was kept, number for number, also when it is opened again', async () => {
    await openCalibrationCache(folder).keep(key, statistics);
    assert.deepEqual(await openCalibrationCache(folder).find(key), statistics);
  });

  it('finds nothing in a folder that is not there', async () => {
    assert.equal(await openCalibrationCache(join(folder, 'absent')).find(key), undefined);
  });

  it('finds by the whole key, whatever the order of its fields, and by no other', async () => {
    const cache = openCalibrationCache(folder);
    await cache.keep(key, statistics);
    const reordered = Object.fromEntries(Object.entries(key).reverse()) as unknown as StatisticsKey;
    assert.deepEqual(await cache.find(reordered), statistics);
    const others: Partial<StatisticsKey>[] = [
      { model: 'c'.repeat(64) },
      { datasetDigest: 'c'.repeat(64) },
      { count: 2 },
      { contract: { layout: 'NCHW', mean: [0.25], scale: 1 / 255 } },
      { tensors: ['x'] },
      { hasHistograms: false },
    ];
    for (const other of others) assert.equal(await cache.find({ ...key, ...other }), undefined);
  });

  it('takes a file that cannot be read, or holds something else, for absent, and replaces it', async () => {
    const cache = openCalibrationCache(folder);
    await cache.keep(key, statistics);
    const [name] = await readdir(folder);
    const whole = JSON.stringify(statistics);
    for (const text of ['', 'null', '[]', '{}', '{"x":', whole.slice(0, -5), JSON.stringify({ x: seen })]) {
      await writeFile(join(folder, name!), text);
      assert.equal(await cache.find(key), undefined, text);
    }
    await cache.keep(key, statistics);
    assert.deepEqual(await cache.find(key), statistics);
  });

  it('leaves nothing half-written behind, and never finds what was left half-written', async () => {
    const cache = openCalibrationCache(folder);
    await cache.keep(key, statistics);
    const [name] = await readdir(folder);
    assert.match(name!, /^[0-9a-f]{64}\.json$/);
    await rm(join(folder, name!));
    await writeFile(join(folder, `${name}.new`), JSON.stringify(statistics));
    assert.equal(await cache.find(key), undefined);
    await cache.keep(key, statistics);
    assert.deepEqual(await cache.find(key), statistics);
  });

  it('lets several processes keep at once', async () => {
    const caches = Array.from({ length: 8 }, () => openCalibrationCache(folder));
    for (let round = 0; round < 5; round++)
      await Promise.all(caches.map((cache) => cache.keep(key, statistics)));
    assert.deepEqual(await caches[0]!.find(key), statistics);
  });

  it('removes the longest unused above its limit, and nothing below', async () => {
    const cache = openCalibrationCache(folder);
    // Files with holes: they count by their size and take no room.
    const mebibytes = { oldest: 100, older: 100, used: 100 };
    const start = Date.now() / 1000 - 1000;
    for (const [age, [name, size]] of Object.entries(mebibytes).entries()) {
      await writeFile(join(folder, `${name}.json`), '');
      await truncate(join(folder, `${name}.json`), size * 2 ** 20);
      await utimes(join(folder, `${name}.json`), start + age, start + age);
    }
    await cache.keep(key, statistics);
    const names = await readdir(folder);
    assert.deepEqual(names.filter((name) => /^[a-z]+\.json$/.test(name)).sort(), ['older.json', 'used.json']);
    assert.deepEqual(await cache.find(key), statistics);
    await cache.keep({ ...key, count: 4 }, statistics);
    assert.equal((await readdir(folder)).length, 4);
  });

  it('counts being found as being used', async () => {
    const cache = openCalibrationCache(folder);
    await cache.keep(key, statistics);
    const [name] = await readdir(folder);
    const path = join(folder, name!);
    await utimes(path, 1000, 1000);
    await cache.find(key);
    assert.ok((await stat(path)).mtimeMs > Date.now() - 60_000);
  });
});

describe('a quantization with a calibration cache', () => {
  const items = randomItems([3, 8, 8], 6);
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  afterEach(async () => rm(folder, { recursive: true }));

  /** Quantizes; stops at the first step that matches. How often calibration began, and the inputs were read at all. */
  async function run({ stopAt, recipe = 'int8-min-max', datasetDigest = 'd' }: Order = {}): Promise<Passes> {
    const controller = new AbortController();
    const passes = { extremes: 0, histograms: 0, readings: 0 };
    const raw = items.items.map((item) => new Uint8Array(item.buffer));
    const made = quantizeNet(folder, residualNet(), [recipe], {
      items,
      cache: openCalibrationCache(join(folder, 'cache')),
      signal: controller.signal,
      calibration: {
        datasetDigest,
        item: { elementType: 'float32', shape: [...items.shape] },
        items: async function* () {
          passes.readings++;
          yield* raw;
        },
        itemDigests: raw.map((_, i) => String(i)),
      },
      onProgress: (step) => {
        if (step === 'calibrating 1 of 6') passes.extremes++;
        if (step === 'counting values 1 of 6') passes.histograms++;
        if (stopAt?.test(step)) controller.abort();
      },
    });
    if (stopAt) await assert.rejects(made, { code: 'cancelled' });
    else assert.deepEqual((await made).refused, []);
    return passes;
  }

  it('goes on from the ranges of one that was interrupted after them', async () => {
    const before = await run({ stopAt: /^checking int8-min-max/ });
    assert.deepEqual([before.extremes, before.histograms], [1, 0]);
    const after = await run();
    assert.deepEqual([after.extremes, after.histograms], [0, 0]);
    const uncached = await run({ datasetDigest: 'e' });
    assert.equal(uncached.readings, after.readings + 1);
  });

  it('goes on from the extremes of one that was interrupted while it counted values', async () => {
    const recipe = staticRecipe('percentile', { observer: { method: 'percentile', percentile: 99 } });
    const before = await run({ recipe, stopAt: /^counting values 3 of 6/ });
    assert.deepEqual([before.extremes, before.histograms], [1, 1]);
    const after = await run({ recipe });
    assert.deepEqual([after.extremes, after.histograms], [0, 1]);
    const last = await run({ recipe });
    assert.deepEqual([last.extremes, last.histograms], [0, 0]);
  });

  it('starts anew where calibration itself was interrupted, and for other data', async () => {
    await run({ stopAt: /^calibrating 3 of 6/ });
    assert.equal((await run()).extremes, 1);
    assert.equal((await run({ datasetDigest: 'e' })).extremes, 1);
  });
});

interface Order {
  readonly stopAt?: RegExp;
  readonly recipe?: string | Recipe;
  readonly datasetDigest?: string;
}

interface Passes {
  readonly extremes: number;
  readonly histograms: number;
  readonly readings: number;
}
