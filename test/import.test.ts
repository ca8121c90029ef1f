import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encodeTar } from '../coordinator/src/artefacts/testing/encode-tar.ts';
import { makeMlperfSubmission } from '../coordinator/src/imports/testing/mlperf-submission.ts';
import { Lab } from './support/lab.ts';

test('an archive in MLPerf’s form is imported, reported on in every format, and kept', async () => {
  await using lab = new Lab();
  const files = Object.entries({ ...makeMlperfSubmission(), 'README.md': 'Results of MLPerf Inference' });
  const archive = join(lab.folder, 'submission.tar.gz');
  const packed = await encodeTar(files.map(([path, text]) => [path, Buffer.from(text)] as const));
  await writeFile(archive, gzipSync(packed));
  const coordinator = await lab.startCoordinator();
  await lab.qfleetOk('import', 'mlperf', archive, '--name', 'v2');
  assert.match(await lab.qfleetOk('report', 'v2'), /slow-board-tflite\s+int8\s+16\s+1\.2[78]\s/);
  // Ranks, slower networks and predictions have tables of their own.
  const markdown = await lab.qfleetOk('report', 'v2', '-o', 'md');
  assert.match(markdown, /## Do systems rank networks alike\?/);
  assert.match(markdown, /fast-board-tflite \| int8 \| mobilenet-v1-0\.25-128 \|/);
  const page = await lab.qfleetOk('report', 'v2', '-o', 'html');
  assert.match(page, /<svg[\s\S]*time of fp32 \/ time quantized/);
  assert.doesNotMatch(page, /<script(?! type="application\/json")|https?:\/\/(?!www\.w3\.org)/);
  const report = JSON.parse(await lab.qfleetOk('report', 'v2', '-o', 'json'));
  assert.equal(report.predictions.length, 12);
  // Garbage collection keeps it, and so does a restart.
  await lab.qfleetOk('gc');
  await coordinator.stop('SIGKILL');
  await lab.startCoordinator();
  assert.match(await lab.qfleetOk('import', 'ls'), /v2\s+mlperf\s+submission\.tar\.gz\s+5\s+160/);
  assert.equal((await lab.qfleetOk('report', 'v2', '-o', 'csv')).trim().split('\r\n').length, 1 + 5 * 16);
  const again = await lab.qfleet('import', 'ncnn', archive, '--name', 'x');
  assert.equal(again.code, 1);
  assert.match(again.stderr, /No result of ncnn was found/);
});
