import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { findTestData } from '../onnx/fixtures/find-test-data.ts';
import { buildTransferReport } from '../transfer/transfer-report.ts';
import { importSet } from './import-set.ts';
import { importedSetSchema } from './imported-set.ts';
import { parseMemcpy } from './read-sbc-bench.ts';

const archive = findTestData('benchmarks/mlperf-inference-v2.0-raw.tar.gz');
const ncnn = findTestData('benchmarks/ncnn');
const aihub = findTestData('benchmarks/ai-hub');
const trtexec = findTestData('trtexec');
const sbcBench = findTestData('devices/sbc-bench-logs');

test('MLPerf v2.0: how int8 pays on a Pi 3, a Pi 4 and a Xavier', { skip: archive.skip }, async () => {
  const set = importedSetSchema.parse(await importSet('mlperf', archive.path));
  const report = buildTransferReport(set);
  const int8 = report.speedUps.filter(({ precision }) => precision === 'int8');
  // The median of an even number is the mean of the middle two; the upper ones are 1.69 and 2.64.
  assert.deepEqual(
    int8.map(({ system, networks, median, slower }) => [
      system.slice(0, 10),
      networks.length,
      median.toFixed(2),
      slower.length,
    ]),
    [
      ['rpi3-tflit', 37, '1.24', 1],
      ['rpi4-armnn', 42, '1.68', 0],
      ['rpi4-tflit', 42, '2.63', 0],
      ['xavier-pow', 42, '0.89', 29],
      ['xavier-pow', 42, '0.81', 42],
    ],
  );
  const pi3 = set.results.find(
    ({ system, network, precision }) =>
      system.startsWith('rpi3') && network === 'mobilenet-v2-0.5-96' && precision === 'fp32',
  );
  assert.deepEqual(pi3?.accuracy, { good: 26223, total: 50000 });
  assert.deepEqual([pi3?.latencyNs, pi3?.n], [242154606, 2479]);
  assert.equal(set.systems.find(({ id }) => id.startsWith('rpi4-armnn'))?.runtime, 'ArmNN v21.11 (Neon)');
  for (const { tau, tauInterval } of report.pairs.filter(({ items }) => items >= 10)) {
    assert.ok(tau! > 0.3 && tau! < 1 && tauInterval!.low < tau! && tauInterval!.high > tau!);
  }
  const three = report.predictions.filter(({ anchors }) => anchors === 3);
  const errorOf = (method: string): number => three.find((one) => one.method === method)!.median;
  assert.ok(errorOf('blend') <= 0.15, `blend is off by ${errorOf('blend')}`);
  assert.ok(errorOf('blend') < errorOf('one-source') && errorOf('blend') < errorOf('mean-of-sources'));
  const [rate, ...others] = report.newNetworks;
  assert.deepEqual(
    rate?.systems.map(({ scored }) => scored),
    [81, 91, 91, 91, 91],
  );
  assert.ok(others.every((one) => one.median < rate!.median));
});

test('bandwidths from sbc-bench: the fastest cores of a log, the median of logs, boards named exactly', {
  skip: ncnn.skip || sbcBench.skip,
}, async () => {
  const log = (id: string): string => join(sbcBench.path, `${id}.txt`);
  const set = await importSet('ncnn', ncnn.path, {
    'NVIDIA Jetson Nano': ['3OKN', '3Ufc', '1I4j'].map(log),
    'NVIDIA Jetson AGX Xavier': [log('4ebH')],
  });
  const known = new Map(set.systems.map(({ board, bandwidth }) => [board, bandwidth]));
  const told = [...known].filter(([, bandwidth]) => bandwidth !== undefined);
  assert.equal(told.length, 2);
  // `grep 'standard memcpy  ' 3OKN.txt 3Ufc.txt 1I4j.txt`, of each file the largest.
  assert.deepEqual(
    told.map(([board, bandwidth]) => [board.slice(0, 18), bandwidth]),
    [
      ['NVIDIA Jetson Nano', 3726.5e6],
      ['NVIDIA Jetson AGX ', 10_913.4e6],
    ],
  );
  await assert.rejects(importSet('ncnn', ncnn.path, { 'Raspberry Pi': [log('3KVs')] }), {
    code: 'invalid-argument',
    message: /boards begin with "Raspberry Pi"/,
  });
  await assert.rejects(importSet('ncnn', ncnn.path, { Pear: [log('3KVs')] }), { message: /no board "Pear"/ });
  await assert.rejects(
    importSet('ncnn', ncnn.path, { 'NVIDIA Jetson Nano': [join(ncnn.path, 'README.md')] }),
    { code: 'refused', message: /README\.md has no line of tinymembench/ },
  );
});

test('of a board with several kinds of cores the fastest counts', { skip: sbcBench.skip }, async () => {
  const path = join(sbcBench.path, '4ax9.txt');
  // `grep 'standard memcpy  ' 4ax9.txt`
  assert.equal(parseMemcpy(await readFile(path, 'utf8')), 10_599.3e6);
  assert.equal(parseMemcpy(' standard memset : 8 MB/s'), undefined);
});

test('ncnn: tables of boards, int8 twins, and GPUs left out', { skip: ncnn.skip }, async () => {
  const { systems, results, notes } = await importSet('ncnn', ncnn.path);
  const pi3 = results.filter(
    ({ system }) => system.startsWith('Raspberry Pi 3 Model B+') && system.endsWith(', 4 threads'),
  );
  assert.equal(pi3.length, 32);
  const resnet = pi3.filter(({ network }) => network === 'resnet18');
  assert.deepEqual(
    resnet.map(({ precision, latencyNs }) => [precision, latencyNs]),
    [
      ['fp32', 271.93e6],
      ['int8', 160.07e6],
    ],
  );
  assert.ok(!systems.some(({ id }) => id.startsWith('Raspberry Pi 5 Broadcom BCM2712, VideoCore VII')));
  assert.match(notes[0]!, /on GPUs/);
});

test('AI Hub: precisions, devices and runtimes', { skip: aihub.skip }, async () => {
  const { results } = await importSet('aihub', aihub.path);
  const found = results.find(
    ({ system, network, precision }) =>
      system === 'Dragonwing IQ-9075 EVK, tflite' && network === 'mobilenet_v2' && precision === 'fp32',
  );
  assert.equal(found?.latencyNs, 1.13e6);
  assert.ok(results.some(({ precision }) => precision === 'int8'));
});

test('trtexec: GPUs, versions and formats from console texts', { skip: trtexec.skip }, async () => {
  const { systems, results, notes } = await importSet('trtexec', trtexec.path);
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
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-import-test-'));
  });
  after(() => rm(folder, { recursive: true }));
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };

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
