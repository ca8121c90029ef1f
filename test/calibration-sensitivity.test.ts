import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sampleContract, sampleModel, writeGlyphs } from './support/glyph-data.ts';
import { Lab } from './support/lab.ts';

test('what the choice of calibration inputs does is told over random sets from one pool', async () => {
  await using lab = new Lab();
  await lab.startCoordinator();
  await lab.startAgent('here', '--backends', 'onnxruntime-cpu');
  await writeGlyphs(join(lab.folder, 'glyphs.npz'), { count: 300 });
  await lab.qfleetOk('model', 'add', sampleModel, '--name', 'glyphs', '--contract', sampleContract);
  await lab.qfleetOk('dataset', 'add', join(lab.folder, 'glyphs.npz'), '--split', '40');
  const order = ['glyphs', '--calibration', 'glyphs', '--recipe', 'int8-min-max', '--resamples', '3'];
  const all = await lab.qfleet('quantize', ...order, '--limit', '40');
  assert.match(all.stderr, /Random sets of 40 of 40 items would all be the same/);
  await lab.qfleetOk('quantize', ...order, '--limit', '8');
  await lab.qfleetOk(
    'run',
    'create',
    '--model',
    'glyphs',
    '--dataset',
    'glyphs',
    '--no-timing',
    '--no-probe',
    '--wait',
  );
  const { calibrations, variants } = await lab.report();
  assert.deepEqual(
    variants.map(({ name }: { name: string }) => name),
    ['fp32', 'int8-min-max~1', 'int8-min-max~2', 'int8-min-max~3'],
  );
  const digests = variants
    .slice(1)
    .map((one: { calibration: { samplesDigest: string } }) => one.calibration.samplesDigest);
  assert.equal(new Set(digests).size, 3);
  const [found] = calibrations;
  assert.deepEqual([found.sets, found.size, found.pool, found.loss.n], [3, 8, 40, 3]);
  assert.ok(found.loss.interval.low <= found.loss.value && found.range.least <= found.loss.value);
});
