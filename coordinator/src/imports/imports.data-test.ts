import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { buildTransferReport } from '../transfer/transfer-report.ts';
import { importSet } from './import-set.ts';
import { importedSetSchema } from './imported-set.ts';
import { parseMemcpy } from './read-sbc-bench.ts';

const archive = testDataPath('benchmarks/mlperf-inference-v2.0-raw.tar.gz');
const ncnn = testDataPath('benchmarks/ncnn');
const aihub = testDataPath('benchmarks/ai-hub');
const trtexec = testDataPath('trtexec');
const sbcBench = testDataPath('devices/sbc-bench-logs');

test('MLPerf v2.0: how int8 pays on a Pi 3, a Pi 4 and a Xavier', async () => {
  const set = importedSetSchema.parse(await importSet('mlperf', archive));
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

test('bandwidths from sbc-bench: the fastest cores of a log, the median of logs, boards named exactly', async () => {
  const log = (id: string): string => join(sbcBench, `${id}.txt`);
  const set = await importSet('ncnn', ncnn, {
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
  await assert.rejects(importSet('ncnn', ncnn, { 'Raspberry Pi': [log('3KVs')] }), {
    code: 'invalid-argument',
    message: /boards begin with "Raspberry Pi"/,
  });
  await assert.rejects(importSet('ncnn', ncnn, { Pear: [log('3KVs')] }), { message: /no board "Pear"/ });
  await assert.rejects(importSet('ncnn', ncnn, { 'NVIDIA Jetson Nano': [join(ncnn, 'README.md')] }), {
    code: 'refused',
    message: /README\.md has no line of tinymembench/,
  });
});

test('of a board with several kinds of cores the fastest counts', async () => {
  const path = join(sbcBench, '4ax9.txt');
  // `grep 'standard memcpy  ' 4ax9.txt`
  assert.equal(parseMemcpy(await readFile(path, 'utf8')), 10_599.3e6);
  assert.equal(parseMemcpy(' standard memset : 8 MB/s'), undefined);
});

test('ncnn: tables of boards, int8 twins, and GPUs left out', async () => {
  const { systems, results, notes } = await importSet('ncnn', ncnn);
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

test('AI Hub: precisions, devices and runtimes', async () => {
  const { results } = await importSet('aihub', aihub);
  const found = results.find(
    ({ system, network, precision }) =>
      system === 'Dragonwing IQ-9075 EVK, tflite' && network === 'mobilenet_v2' && precision === 'fp32',
  );
  assert.equal(found?.latencyNs, 1.13e6);
  assert.ok(results.some(({ precision }) => precision === 'int8'));
});

test('trtexec: GPUs, versions and formats from console texts', async () => {
  const { systems, results, notes } = await importSet('trtexec', trtexec);
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
