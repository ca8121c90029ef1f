import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertAgrees, assertFlipsAgree, type Cell } from './support/assert-recomputed.ts';
import { sampleContract, sampleModel, writeGlyphs } from './support/glyph-data.ts';
import { Lab } from './support/lab.ts';
import { recomputeRun } from './support/recompute-run.ts';

describe('the main job with two agents', () => {
  let lab: Lab;

  before(async () => {
    lab = new Lab();
    await lab.startCoordinator();
    await lab.startAgent('native', '--backends', 'onnxruntime-cpu');
    await lab.startAgent('wasm', '--backends', 'onnxruntime-wasm');
    await lab.qfleetOk('model', 'add', sampleModel, '--name', 'glyphs', '--contract', sampleContract);
    const data = join(lab.folder, 'glyphs.npz');
    await writeGlyphs(data, { count: 1000 });
    await lab.qfleetOk('dataset', 'add', data, '--name', 'whole', '--split', 'none');
    await lab.qfleetOk('dataset', 'add', data, '--name', 'divided', '--split', '100');
  });

  after(async () => lab?.[Symbol.asyncDispose]());

  test('fp32 is right on nearly all of 1,000 images, on the same share on every device', async () => {
    const run = [
      'run',
      'create',
      '--model',
      'glyphs',
      '--dataset',
      'whole',
      '--variants',
      'fp32',
      '--no-timing',
      '--no-probe',
      '--wait',
    ];
    await lab.qfleetOk(...run);
    const { cells } = await lab.report();
    assert.equal(cells.length, 2);
    for (const cell of cells) {
      const top1 = cell.readings['accuracy.top1'];
      assert.equal(top1.n, 1000);
      assert.ok(top1.value > 0.9, `${cell.deviceName}: ${top1.value}`);
      assert.ok(Math.abs(top1.value - cells[0].readings['accuracy.top1'].value) <= 0.002);
    }
  });

  test('int8 per channel loses less than a point on the other 900, and every figure can be worked out by hand', async () => {
    await lab.qfleetOk(
      'quantize',
      'glyphs',
      '--calibration',
      'divided',
      '--recipe',
      'int8-per-tensor,int8-per-channel',
    );
    const run = [
      'run',
      'create',
      '--model',
      'glyphs',
      '--dataset',
      'divided',
      '--no-probe',
      '--repeats',
      '0',
      '--duration',
      '200',
      '--wait',
    ];
    const runId = (await lab.qfleetOk(...run)).trim();
    const report = await lab.report(runId);
    assert.equal(report.cells.length, 6, 'two places, three variants');
    for (const cell of report.cells.filter((one: Cell) => one.variant.name === 'int8-per-channel')) {
      const loss = cell.readings['accuracy.loss'];
      assert.equal(loss.n, 900);
      assert.ok(loss.value < 1, `${cell.deviceName} loses ${loss.value} points`);
      assert.ok(loss.interval.low <= loss.value && loss.value <= loss.interval.high);
    }
    const recomputed = recomputeRun(lab.data, runId);
    for (const cell of report.cells) assertAgrees(cell, recomputed);
    for (const comparison of report.comparisons) assertFlipsAgree(comparison, report, recomputed);
  });

  test('the report is written in every format', async () => {
    for (const format of ['json', 'md', 'csv', 'html', 'table']) {
      const path = join(lab.folder, `report.${format}`);
      await lab.qfleetOk('report', 'latest', '-o', format, '--out', path);
      assert.ok(existsSync(path));
      assert.match(await lab.readFile(`report.${format}`), /int8-per-channel/);
    }
  });
});
