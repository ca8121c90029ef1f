import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildDoubling } from '../agent/src/testing/build-onnx.ts';
import { Lab } from './support/lab.ts';

const plan = `
model: doubling
backends: [onnxruntime-cpu]
probeMaxAgeHours: -1
scenarios:
  - single-stream
  - {scenario: multi-stream, samplesPerQuery: 4}
  - {scenario: server, boundMs: 50, ratePerSec: 200, percentile: 0.9}
  - offline
  - {scenario: fixed-rate, framesPerSec: 500}
backgroundProcesses: 1
companions: [fp32]
timing:
  {launches: 2, minSamples: 70, minDurationMs: 20, maxDurationMs: 800, maxWarmupSamples: 20, repeats: 1, sustainedMinutes: 0.02}
`;

test('every scenario runs beside other load, and is told by its own readings', async () => {
  await using lab = new Lab();
  await lab.startCoordinator();
  await lab.startAgent('bench', '--backends', 'onnxruntime-cpu');
  const model = join(lab.folder, 'doubling.onnx');
  writeFileSync(model, buildDoubling(['N', 64]));
  await lab.qfleetOk('model', 'add', model, '--preset', 'raw');
  const path = join(lab.folder, 'plan.yaml');
  writeFileSync(path, plan);
  await lab.qfleetOk('run', 'create', path, '--wait');
  const { cells, run } = await lab.report();
  assert.equal(run.state, 'completed');
  const find = (scenario: string) => cells.find((cell: { scenario: string }) => cell.scenario === scenario);
  assert.equal(cells.length, 5);
  for (const cell of cells) {
    assert.equal(cell.readings['latency.p50'].status, 'measured', cell.scenario);
    assert.notEqual(cell.timing.verdict, 'contended', 'load that was asked for is no disturbance');
    // Two launches are too few to be judged, and launching them again would not change that.
    assert.equal(cell.timing.verdict, 'insufficient');
    assert.equal(cell.series, undefined);
    assert.match(cell.readings['roof.memory.share'].reason, /not-probed|not-one-inference/);
    assert.ok(cell.readings['cycles'].status === 'measured' || cell.readings['cycles'].reason);
  }
  assert.match(find('multi-stream').readings['latency.p50'].method, /query-of-4$/);
  assert.match(find('server').readings['rate.max'].method, /rate asked for kept p90 within 50 ms/);
  assert.ok(Math.abs(find('server').readings['rate.max'].value - 200) < 1e-6);
  assert.equal(find('server').readings['throughput'], undefined);
  assert.ok(find('offline').readings['throughput'].value > 1000);
  assert.ok(find('fixed-rate').readings['frames.dropped.share'].value < 1);
  // 500 frames a second and no more come, however fast they are answered.
  assert.ok(find('fixed-rate').readings['throughput'].value < 520);
  assert.ok(find('single-stream').readings['latency.p90.early-stopping'].value > 0);
  // The first scenario alone runs for long, and seconds are no first minute.
  assert.match(find('single-stream').readings['sustained.p50.minute-5'].reason, /^too-short/);
  assert.equal(find('offline').readings['sustained.onset'], undefined);
});
