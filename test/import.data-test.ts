import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lab } from './support/lab.ts';
import { testDataPath } from './support/test-data.ts';

const archive = 'benchmarks/mlperf-inference-v2.0-raw.tar.gz';

test('what MLPerf published is imported, reported on in every format, and kept', async () => {
  await using lab = new Lab();
  const coordinator = await lab.startCoordinator();
  await lab.qfleetOk('import', 'mlperf', testDataPath(archive), '--name', 'v2');
  assert.match(await lab.qfleetOk('report', 'v2'), /rpi3-tflite-v2\.7\.1-ruy\s+int8\s+37\s+1\.24\s/);
  // Ranks, slower networks and predictions have tables of their own.
  const markdown = await lab.qfleetOk('report', 'v2', '-o', 'md');
  assert.match(markdown, /## Do systems rank networks alike\?/);
  assert.match(
    markdown,
    /xavier-power\.0-fan\.cool-tflite-v2\.7\.1-ruy \| int8 \| mobilenet-v1-0\.25-128 \|/,
  );
  const page = await lab.qfleetOk('report', 'v2', '-o', 'html');
  assert.match(page, /<svg[\s\S]*time of fp32 \/ time quantized/);
  assert.doesNotMatch(page, /<script(?! type="application\/json")|https?:\/\/(?!www\.w3\.org)/);
  const report = JSON.parse(await lab.qfleetOk('report', 'v2', '-o', 'json'));
  assert.equal(report.predictions.length, 12);
  // Garbage collection keeps it, and so does a restart.
  await lab.qfleetOk('gc');
  await coordinator.stop('SIGKILL');
  await lab.startCoordinator();
  assert.match(
    await lab.qfleetOk('import', 'ls'),
    /v2\s+mlperf\s+mlperf-inference-v2\.0-raw\.tar\.gz\s+6\s+472/,
  );
  assert.equal((await lab.qfleetOk('report', 'v2', '-o', 'csv')).trim().split('\r\n').length, 221);
  const again = await lab.qfleet('import', 'ncnn', testDataPath(archive), '--name', 'x');
  assert.equal(again.code, 1);
  assert.match(again.stderr, /No result of ncnn was found/);
});
