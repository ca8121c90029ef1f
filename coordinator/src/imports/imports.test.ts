import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  loadedEngineConsole,
  nanoConsole,
  summaryConsole,
} from '@qfleet/shared/trtexec/testing/print-console.ts';
import { encodeTar } from '../artefacts/testing/encode-tar.ts';
import { buildTransferReport } from '../transfer/transfer-report.ts';
import { importSet } from './import-set.ts';
import { importedSetSchema } from './imported-set.ts';
import { parseMemcpy } from './read-sbc-bench.ts';
import { makeMlperfSubmission } from './testing/mlperf-submission.ts';
import { aiHubPerformance, ncnnPage, printMemcpyTables } from './testing/published-tables.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qfleet-import-test-'));
});
after(() => rm(folder, { recursive: true }));
const write = async (path: string, text: string): Promise<string> => {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
  return join(folder, path);
};

test('MLPerf: how int8 pays on each system, and what systems tell of each other', async () => {
  for (const [path, text] of Object.entries(makeMlperfSubmission())) await write(`mlperf/${path}`, text);
  const set = importedSetSchema.parse(await importSet('mlperf', join(folder, 'mlperf')));
  const report = buildTransferReport(set);
  // Of 16 networks the mean of the middle two: those with the numbers 7 and 8.
  assert.deepEqual(
    report.speedUps.map(({ system, networks, median, slower }) => [
      system,
      networks.length,
      median.toFixed(3),
      slower.length,
    ]),
    [
      ['fast-board-armnn', 16, '0.850', 12],
      ['fast-board-tflite', 16, '0.775', 16],
      ['medium-board-armnn', 16, '1.675', 0],
      ['medium-board-tflite', 16, '2.575', 0],
      ['slow-board-tflite', 16, '1.275', 1],
    ],
  );
  const found = set.results.find(
    ({ system, network, precision }) =>
      system === 'slow-board-tflite' && network === 'mobilenet-v1-0.25-128' && precision === 'fp32',
  );
  assert.deepEqual(found?.accuracy, { good: 30_100, total: 50_000 });
  assert.deepEqual([found?.n, found?.statistic], [1024, 'mean']);
  assert.equal(set.systems.find(({ id }) => id === 'medium-board-armnn')?.runtime, 'ArmNN v21.11 (Neon)');
  for (const { tau, tauInterval } of report.pairs)
    assert.ok(tau! > 0.3 && tau! < 1 && tauInterval!.low < tau! && tauInterval!.high > tau!);
  const three = report.predictions.filter(({ anchors }) => anchors === 3);
  const errorOf = (method: string): number => three.find((one) => one.method === method)!.median;
  assert.ok(errorOf('blend') <= 0.15, `blend is off by ${errorOf('blend')}`);
  assert.ok(errorOf('blend') < errorOf('one-source') && errorOf('blend') < errorOf('mean-of-sources'));
  for (const { systems } of report.newNetworks)
    assert.deepEqual(
      systems.map(({ scored }) => scored),
      [32, 32, 32, 32, 32],
    );
});

test('an archive of a submission is read as its folder is', async () => {
  const files = Object.entries(makeMlperfSubmission()).map(
    ([path, text]) => [path, Buffer.from(text)] as const,
  );
  const path = join(folder, 'submission.tar.gz');
  await writeFile(path, gzipSync(await encodeTar(files)));
  assert.equal((await importSet('mlperf', path)).results.length, 5 * 16 * 2);
});

test('bandwidths from sbc-bench: the fastest cores of a log, the median of logs, boards named exactly', async () => {
  await write('ncnn/README.md', ncnnPage);
  const ncnn = join(folder, 'ncnn');
  const logs = await Promise.all([
    write('a.txt', printMemcpyTables(1900.5, 3726.5)),
    write('b.txt', printMemcpyTables(3600)),
    write('c.txt', printMemcpyTables(3800.1)),
  ]);
  const set = await importSet('ncnn', ncnn, { 'Raspberry Pi 3': logs });
  const known = new Map(set.systems.map(({ board, bandwidth }) => [board, bandwidth]));
  assert.deepEqual(
    [...known].map(([board, bandwidth]) => [board.slice(0, 14), bandwidth]),
    [
      ['Raspberry Pi 3', 3726.5e6],
      ['Raspberry Pi 5', undefined],
    ],
  );
  await assert.rejects(importSet('ncnn', ncnn, { 'Raspberry Pi': logs }), {
    code: 'invalid-argument',
    message: /boards begin with "Raspberry Pi"/,
  });
  await assert.rejects(importSet('ncnn', ncnn, { Pear: logs }), { message: /no board "Pear"/ });
  await assert.rejects(importSet('ncnn', ncnn, { 'Raspberry Pi 3': [join(ncnn, 'README.md')] }), {
    code: 'refused',
    message: /README\.md has no line of tinymembench/,
  });
});

test('of a board with several kinds of cores the fastest counts', () => {
  assert.equal(parseMemcpy(printMemcpyTables(2950.1, 10_599.3, 6020)), 10_599.3e6);
  assert.equal(parseMemcpy(' standard memset : 8 MB/s'), undefined);
});

test('ncnn: tables of boards, int8 twins, and GPUs left out', async () => {
  await write('ncnn/README.md', ncnnPage);
  const { systems, results, notes } = await importSet('ncnn', join(folder, 'ncnn'));
  const pi3 = results.filter(
    ({ system }) => system.startsWith('Raspberry Pi 3 Model B+') && system.endsWith(', 4 threads'),
  );
  assert.deepEqual(
    pi3.map(({ network, precision, latencyNs, n }) => [network, precision, latencyNs, n]),
    [
      ['squeezenet', 'fp32', 85.22e6, 4],
      ['resnet18', 'fp32', 271.93e6, 4],
      ['resnet18', 'int8', 160.07e6, 4],
    ],
  );
  assert.deepEqual(
    systems.map(({ id }) => id.split(', ').at(-1)),
    ['4 threads', '1 thread'],
  );
  assert.match(notes[0]!, /^1 texts on GPUs/);
});

test('AI Hub: precisions, devices and runtimes, jobs that failed left out', async () => {
  await write('ai-hub/mobilenet_v2/perf.yaml', aiHubPerformance);
  const { results, notes } = await importSet('aihub', join(folder, 'ai-hub'));
  assert.deepEqual(
    results.map(({ system, network, precision, latencyNs }) => [system, network, precision, latencyNs]),
    [
      ['Dragonwing IQ-9075 EVK, tflite', 'mobilenet_v2', 'fp32', 1.13e6],
      ['Dragonwing IQ-9075 EVK, tflite', 'mobilenet_v2', 'int8', 0.62e6],
    ],
  );
  assert.deepEqual(notes, ['1 entries without a latency are left out.']);
});

test('trtexec: GPUs, versions and formats from console texts', async () => {
  await write('trtexec/a-loaded.log', loadedEngineConsole);
  await write('trtexec/b-best.log', summaryConsole);
  await write('trtexec/c-nano.log', nanoConsole);
  const { systems, results, notes } = await importSet('trtexec', join(folder, 'trtexec'));
  assert.deepEqual(
    results.map(({ system, network, precision, latencyNs, n }) => [system, network, precision, latencyNs, n]),
    [
      ['NVIDIA Tegra X1, TensorRT 8.0.1', 'best_deepstream.onnx_b1_gpu0_fp16', 'fp16', 40.6337e6, 100],
      ['unknown GPU, TensorRT 8.2.1', 'best', 'best', 13.7999e6, undefined],
      ['NVIDIA Tegra X1, TensorRT 8.2.1', 'culane_18-INT32', 'fp32', 90.3035e6, 35],
    ],
  );
  assert.equal(systems.length, 3);
  assert.deepEqual(notes, []);
});

describe('what cannot be imported', () => {
  it('a folder with nothing in it says what is expected', async () => {
    await write('empty/readme.txt', 'nothing');
    await assert.rejects(importSet('mlperf', join(folder, 'empty')), { code: 'not-found' });
  });

  it('an archive that was cut off', async () => {
    await write('cut.tar.gz', 'not gzip');
    await assert.rejects(importSet('mlperf', join(folder, 'cut.tar.gz')), { code: 'refused' });
  });

  it('runs that are not VALID, summaries without a mean and unknown fields', async () => {
    const summary = (lines: string): string => `Scenario : SingleStream\n${lines}\nSomething new : 7\n`;
    const path = (model: string): string =>
      `sub/results/board/${model}/singlestream/performance/run_1/mlperf_log_summary.txt`;
    await write(path('a-quantized'), summary('Result is : INVALID\nMean latency (ns)                : 5'));
    await write(path('b-quantized'), summary('Result is : VALID'));
    await assert.rejects(importSet('mlperf', join(folder, 'sub')), { code: 'refused', hint: /not VALID/ });
    await write(path('c-quantized'), summary('Result is : VALID\nMean latency (ns)                : 1500'));
    const set = await importSet('mlperf', join(folder, 'sub'));
    assert.deepEqual(
      set.results.map(({ network, precision, latencyNs }) => [network, precision, latencyNs]),
      [['c', 'int8', 1500]],
    );
    assert.equal(set.notes.length, 2);
    // One system and one network: nothing to compare, and nothing made up.
    const report = buildTransferReport(set);
    assert.deepEqual([report.speedUps, report.pairs, report.predictions], [[], [], []]);
  });
});
