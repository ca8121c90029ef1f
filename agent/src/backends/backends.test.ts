import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { JobFailure } from '../jobs/job-failure.ts';
import { resolveLoad } from '../jobs/resolve-load.ts';
import type { LaunchMeasurement, MeasureRequest, ShardEvaluation } from '../runner/protocol.ts';
import { startRunner } from '../runner/start-runner.ts';
import { buildDoubling, buildOnnx } from '../testing/build-onnx.ts';
import { randomInputs, smallImages } from '../testing/make-job.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { generateRegistry, registryPath } from './generate-registry.ts';
import { probeBackends } from './probe-backends.ts';
import { backends } from './registry.gen.ts';

const options = { nodeCommand: [process.execPath], affinity: [], signal: new AbortController().signal };

describe('the registry of backends', () => {
  it('lists every file of the folder that exports a backend', async () => {
    assert.equal(await readFile(registryPath, 'utf8'), await generateRegistry());
  });

  it('has ids of its own for all of them', () => {
    const ids = backends.map(({ id }) => id);
    assert.deepEqual(ids, [...new Set(ids)]);
    assert.ok(ids.includes('noop') && ids.includes('onnxruntime-cpu') && ids.includes('onnxruntime-wasm'));
  });
});

/** What every backend promises, on real child processes; of those that this machine lacks, that they say why. */
for (const { id, findObstacle } of backends) {
  const obstacle = await findObstacle?.();
  if (obstacle !== undefined) {
    it(`the backend ${id} says why it cannot work here`, async () => {
      const [info] = await probeBackends({ ...options, only: [id] });
      assert.deepEqual([info?.available, info?.reason], [false, obstacle]);
      assert.match(obstacle, /^(not (installed|offered|present)): /);
    });
    continue;
  }
  describe(`the backend ${id}`, () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let variantPath: string;
    before(async () => {
      folder = await temporaryFolder();
      variantPath = join(folder.path, 'doubling.onnx');
      await writeFile(variantPath, buildDoubling(['N', 1, 4, 4]));
    });
    after(() => folder[Symbol.asyncDispose]());
    const load = (): Omit<
      MeasureRequest,
      'kind' | 'inputs' | 'load' | 'minSamples' | 'minDurationMs' | 'maxDurationMs' | 'maxWarmupSamples'
    > => ({
      backend: id,
      variantPath,
      threads: 1,
      providerOptions: {},
      dimensions: {},
      batch: 1,
    });

    it('proves itself in a child process and says its version', async () => {
      const [info] = await probeBackends({
        nodeCommand: options.nodeCommand,
        only: [id],
        signal: options.signal,
      });
      assert.equal(info?.reason, '');
      assert.equal(info?.available, true);
      assert.match(info?.version ?? '', /^\d/);
    });

    it('times a variant with every duration above zero', async () => {
      await using runner = await startRunner(options);
      const measured: LaunchMeasurement = await runner.request({
        ...load(),
        kind: 'measure',
        inputs: { kind: 'random', seed: 1, contract: randomInputs.contract! },
        load: resolveLoad({ scenario: 'single-stream', load: null }),
        minSamples: 10,
        minDurationMs: 0,
        maxDurationMs: 1000,
        maxWarmupSamples: 10,
      });
      assert.equal(measured.timedNs.length, 10);
      assert.ok(measured.timedNs.every((ns) => ns > 0));
      assert.ok(measured.warmupNs.length >= 5 && measured.warmupNs.length <= 10);
      assert.ok(measured.createNs > 0 && measured.firstInferenceNs! > 0 && measured.peakMemoryBytes > 1e6);
      const sum = measured.timedNs.reduce((total, ns) => total + ns, 0);
      assert.ok(measured.timedWallNs >= sum);
      assert.equal(measured.threads, 1);
      assert.match(measured.inputDigest, /^[0-9a-f]{64}$/);
    });

    it('gives the same outputs for the same inputs and other outputs for others', async () => {
      const shard = join(folder.path, 'shard');
      await writeFile(
        shard,
        Uint8Array.from({ length: 48 }, (_, i) => (i * 37) % 256),
      );
      await using runner = await startRunner(options);
      await runner.request({ ...load(), kind: 'open' });
      const evaluated: ShardEvaluation = await runner.request({
        kind: 'shard',
        path: shard,
        count: 3,
        item: { elementType: 'uint8', shape: [4, 4, 1] },
        contract: smallImages,
        comparisonCount: 2,
        repeatCount: 3,
        topK: 0,
      });
      assert.deepEqual(evaluated.repeat, { count: 3, identical: true });
      assert.equal(new Set(evaluated.outputDigestLines.trim().split('\n')).size, 3);
      assert.equal(evaluated.comparison.count, 2);
      assert.equal(evaluated.nonFiniteInputs, 0);
    });

    // noop has no options and reads no models.
    if (id === 'noop') return;

    it('takes float16 inputs', async () => {
      const half = join(folder.path, 'half.onnx');
      const dims = ['N', 1, 4, 4];
      await writeFile(
        half,
        buildOnnx({
          inputs: [{ name: 'x', dims, type: 10 }],
          outputs: [{ name: 'y', dims, type: 10 }],
          nodes: [{ operator: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
        }),
      );
      await using runner = await startRunner(options);
      const measured: LaunchMeasurement = await runner.request({
        ...load(),
        variantPath: half,
        kind: 'measure',
        inputs: { kind: 'random', seed: 1, contract: { ...randomInputs.contract!, elementType: 'float16' } },
        load: resolveLoad({ scenario: 'single-stream', load: null }),
        minSamples: 10,
        minDurationMs: 0,
        maxDurationMs: 1000,
        maxWarmupSamples: 10,
      });
      assert.equal(measured.timedNs.length, 10);
    });

    it('refuses a provider option that it does not know', async () => {
      await using runner = await startRunner(options);
      await assert.rejects(
        runner.request({ ...load(), kind: 'open', providerOptions: { wings: '2' } }),
        /wings/,
      );
    });

    it('refuses a file that is no model', async () => {
      const path = join(folder.path, 'pointer.onnx');
      await writeFile(path, 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n');
      await using runner = await startRunner(options);
      const opening = runner.request({ ...load(), variantPath: path, kind: 'open' });
      await assert.rejects(
        opening,
        (thrown) => thrown instanceof JobFailure && thrown.failure.class === 'bad-model',
      );
    });
  });
}

describe('the provider options of onnxruntime-cpu', () => {
  it('reach the session by their dotted keys', async () => {
    await using folder = await temporaryFolder();
    const variantPath = join(folder.path, 'doubling.onnx');
    await writeFile(variantPath, buildDoubling(['N', 4]));
    const open = {
      kind: 'open',
      backend: 'onnxruntime-cpu',
      variantPath,
      threads: 1,
      dimensions: {},
      batch: 1,
    } as const;
    await using good = await startRunner(options);
    await good.request({ ...open, providerOptions: { 'session.intra_op.allow_spinning': '0' } });
    await using bad = await startRunner(options);
    // ONNX Runtime itself judges the value, so it has seen it.
    const providerOptions = { 'session.intra_op_thread_affinities': 'nonsense' };
    await assert.rejects(bad.request({ ...open, threads: 2, providerOptions }), /nonsense|affinit/i);
  });
});

describe('probing backends', () => {
  it('says crashed and the signal where the child dies', async () => {
    const nodeCommand = ['/bin/sh', '-c', 'kill -ILL $$'];
    const [info] = await probeBackends({ nodeCommand, only: ['noop'], signal: options.signal });
    assert.equal(info?.available, false);
    assert.equal(info?.reason, 'crashed: SIGILL');
  });

  it('does not know backends that are not there', async () => {
    await assert.rejects(
      probeBackends({ nodeCommand: [process.execPath], only: ['tpu'], signal: options.signal }),
      /no backend "tpu"/,
    );
  });
});
