import assert from 'node:assert/strict';
import { chmod, copyFile, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseConsole, parseVersion } from '@qfleet/shared/trtexec/parse-console.ts';
import {
  parseEngineLayers,
  parseOutputs,
  parseProfile,
  parseTimes,
} from '@qfleet/shared/trtexec/parse-exports.ts';
import {
  loadedEngineConsole,
  nanoConsole,
  summaryConsole,
} from '@qfleet/shared/trtexec/testing/print-console.ts';
import { engineLayers, printLayerNames, printProfile } from '@qfleet/shared/trtexec/testing/print-exports.ts';
import { resolveLoad } from '../../jobs/resolve-load.ts';
import { startRunner } from '../../runner/start-runner.ts';
import { randomInputs } from '../../testing/make-job.ts';
import { temporaryFolder } from '../../testing/temporary-folder.ts';
import { backend } from '../trtexec.ts';
import { buildArguments } from './build-arguments.ts';
import { cachedEngine } from './engine-cache.ts';
import { runTrtexec } from './run-trtexec.ts';

describe('what trtexec says on its console', () => {
  it('of version 8.2 on a Jetson Nano', () => {
    const facts = parseConsole(nanoConsole);
    assert.equal(facts.version, '8.2.1');
    assert.equal(facts.gpu, 'NVIDIA Tegra X1');
    assert.equal(facts.computeCapability, '5.3');
    assert.equal(facts.passed, true);
    assert.deepEqual(facts.bindings, [
      { role: 'input', name: 'input', dims: [1, 3, 288, 800] },
      { role: 'output', name: 'output', dims: [1, 201, 18, 4] },
    ]);
    assert.equal(facts.latency?.['median'], 90.3035);
    assert.equal(facts.latency?.['99'], 91.492);
    assert.equal(facts.gpuCompute?.['mean'], 90.1061);
    assert.equal(facts.throughputPerSec, 11.0613);
    assert.equal(facts.buildSec, 184.708);
    assert.equal(facts.warnings.length, 1);
  });

  it('of version 8.0, and of a summary alone', () => {
    const old = parseConsole(loadedEngineConsole);
    assert.deepEqual([old.version, old.latency?.['median'], old.buildSec], ['8.0.1', 40.6337, undefined]);
    const best = parseConsole(summaryConsole);
    assert.deepEqual([best.gpu, best.latency?.['median'], best.passed], [undefined, 13.7999, true]);
  });

  it('profiles and layer lists of an engine', () => {
    const { runs, layers } = parseProfile(printProfile(641, engineLayers));
    assert.equal(runs, 641);
    assert.deepEqual(
      layers.map(({ name, averageMs }) => ({ name, averageMs })),
      engineLayers,
    );
    const names = parseEngineLayers(printLayerNames(engineLayers)).map(({ name }) => name);
    assert.deepEqual(
      names,
      engineLayers.map(({ name }) => name),
    );
  });
});

describe('what trtexec exports', () => {
  it('versions by their digits', () => {
    assert.deepEqual(['8001', '8201', '8503', '100300', undefined].map(parseVersion), [
      '8.0.1',
      '8.2.1',
      '8.5.3',
      '10.3.0',
      undefined,
    ]);
  });

  it('bindings as version 10 words them', () => {
    const text =
      '[I] Input binding for x with dimensions 1x3x8x8 is created.\n[I] Output binding for y with dimensions 1x10 is created.';
    assert.deepEqual(
      parseConsole(text).bindings.map(({ role, name, dims }) => [role, name, dims.join()]),
      [
        ['input', 'x', '1,3,8,8'],
        ['output', 'y', '1,10'],
      ],
    );
  });

  it('a layer whose name holds quotes leaves no JSON and is read all the same', () => {
    const text =
      '[\n  { "count" : 3 }\n, { "name" : "conv "a", b", "timeMs" : 1.5, "averageMs" : 0.5, "percentage" : 100 }\n]';
    assert.throws(() => JSON.parse(text));
    assert.deepEqual(parseProfile(text).layers, [{ name: 'conv "a", b', averageMs: 0.5, percentage: 100 }]);
  });

  it('times, and what is none', () => {
    assert.deepEqual([...parseTimes('[{"latencyMs": 1.5}, {"latencyMs": 2}]')], [1.5e6, 2e6]);
    assert.throws(() => parseTimes('[]'), { code: 'refused' });
    assert.throws(() => parseTimes('Segmentation fault'), { code: 'refused' });
  });

  it('outputs with NaN and infinities, and those whose shape is wrong', () => {
    const [output] = parseOutputs('[{"name":"y","dimensions":"1x4","values":[1, nan, -inf, 2.5]}]');
    assert.deepEqual([...output!.values], [1, Number.NaN, Number.NEGATIVE_INFINITY, 2.5]);
    assert.throws(() => parseOutputs('[{"name":"y","dimensions":"1x4","values":[1]}]'), {
      code: 'shape-mismatch',
    });
  });

  it('takes the flags that a version knows', () => {
    const order = { model: 'm', engine: 'e', precision: 'int8', workspaceMiB: 64, shapes: 'x:1x3' } as const;
    const old = buildArguments({ ...order, version: '8.2.1' });
    assert.ok(
      old.includes('--workspace=64') && old.includes('--buildOnly') && old.includes('--optShapes=x:1x3'),
    );
    const current = buildArguments({ ...order, version: '10.3.0' });
    assert.ok(current.includes('--memPoolSize=workspace:64') && current.includes('--skipInference'));
    assert.ok(!current.some((flag) => /^--(workspace|explicitBatch|buildOnly)/.test(flag)));
  });
});

describe('the adapter on what trtexec says on a Jetson Nano', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let nano: string;
  const changed = [
    'PATH',
    'XDG_CACHE_HOME',
    'REPLAY_CONSOLE',
    'REPLAY_LOG',
    'REPLAY_HANG',
    'REPLAY_LAYERS',
  ] as const;
  const original = Object.fromEntries(changed.map((name) => [name, process.env[name]]));
  const set = (name: (typeof changed)[number], value: string | undefined): void => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  before(async () => {
    folder = await temporaryFolder();
    const program = join(folder.path, 'trtexec');
    await copyFile(fileURLToPath(new URL('./testing/replay-trtexec.cjs', import.meta.url)), program);
    await chmod(program, 0o755);
    set('PATH', `${folder.path}:${process.env['PATH']}`);
    set('XDG_CACHE_HOME', folder.path);
    nano = join(folder.path, 'nano.log');
    await writeFile(nano, nanoConsole);
    set('REPLAY_CONSOLE', nano);
    set('REPLAY_LOG', join(folder.path, 'calls'));
    await writeFile(join(folder.path, 'model.onnx'), 'some model');
  });
  after(async () => {
    for (const name of changed) set(name, original[name]);
    await folder[Symbol.asyncDispose]();
  });
  const calls = async (): Promise<string[]> =>
    (await readFile(join(folder.path, 'calls'), 'utf8')).trim().split('\n');

  it('is found, says its version, and times by its own clock in a launch of ours', async () => {
    assert.equal(await backend.findObstacle?.(), undefined);
    const found = await backend.probe();
    assert.ok(found.available && found.version === '8.2.1');
    await using runner = await startRunner({
      nodeCommand: [process.execPath],
      affinity: [],
      signal: new AbortController().signal,
    });
    const measured = await runner.request({
      backend: 'trtexec',
      variantPath: join(folder.path, 'model.onnx'),
      threads: 1,
      providerOptions: { precision: 'fp16' },
      dimensions: {},
      batch: 1,
      kind: 'measure',
      inputs: { kind: 'random', seed: 1, contract: { ...randomInputs.contract!, layout: 'as-is' } },
      load: resolveLoad({ scenario: 'single-stream', load: null }),
      minSamples: 3,
      minDurationMs: 1000,
      maxDurationMs: 2000,
      maxWarmupSamples: 5,
    });
    assert.deepEqual([...measured.timedNs], [90.4484e6, 90.4585e6, 90.2251e6]);
    assert.equal(measured.latencySource, 'trtexec host latency, fp16');
    assert.equal(measured.backendVersion, '8.2.1');
    assert.equal(measured.cpuTimeNs, undefined);
    assert.ok((await calls()).some((call) => call.includes('--fp16') && call.includes('--saveEngine=')));
    assert.ok((await calls()).some((call) => /--iterations=3 --duration=1 .*--loadInputs=input:/.test(call)));
  });

  it('builds an engine once, and gives the outputs of every inference', async () => {
    const load = () =>
      backend.load(join(folder.path, 'model.onnx'), { threads: 1, providerOptions: { precision: 'fp16' } });
    const builds = async () => (await calls()).filter((call) => call.includes('--saveEngine=')).length;
    const built = await builds();
    const variant = await load();
    assert.equal(await builds(), built);
    const x = { elementType: 'float32', data: new Float32Array(4), dims: [1, 4] };
    const { output } = await variant.infer(variant.prepareFeeds({ input: x }));
    assert.deepEqual(output?.dims, [1, 201, 18, 4]);
    const values = output?.data as Float32Array | undefined;
    assert.deepEqual(values && [...values.subarray(0, 3)], [0, Number.NaN, 0.5]);
    await variant.close();
  });

  it('builds an engine again that the disk has changed', async () => {
    const engines = join(folder.path, 'qfleet/engines');
    const key = { modelPath: join(folder.path, 'model.onnx'), version: '8.2.1', gpu: 'some', options: {} };
    let builds = 0;
    const build = async (path: string): Promise<void> => {
      builds++;
      await writeFile(path, 'engine');
    };
    const path = await cachedEngine(key, build);
    await writeFile(join(engines, 'killed.engine.1.partial'), 'half');
    await utimes(join(engines, 'killed.engine.1.partial'), 1, 1);
    assert.equal(await cachedEngine(key, build), path);
    assert.equal(builds, 1);
    await writeFile(path, 'enginf');
    assert.equal(await cachedEngine(key, build), path);
    assert.equal(builds, 2);
    assert.equal(await readFile(path, 'utf8'), 'engine');
    assert.deepEqual(
      (await readdir(engines)).filter((name) => name.endsWith('.partial')),
      [],
    );
  });

  it('says of int8 on this GPU that it is none, whether the engine was built just now or before', async () => {
    for (let launch = 0; launch < 2; launch++) {
      const variant = await backend.load(join(folder.path, 'model.onnx'), {
        threads: 1,
        providerOptions: { precision: 'int8' },
      });
      const timed = await variant.timeItself!({ feeds: {}, minSamples: 3, minDurationMs: 0 });
      assert.equal(timed.source, 'trtexec host latency, int8, no native int8');
      assert.equal(
        timed.wallNs,
        timed.latenciesNs.reduce((sum, ns) => sum + ns, 0),
      );
      await variant.close();
    }
  });

  it('evaluates a batch for each start, by an engine of its own', async () => {
    const variant = await backend.load(join(folder.path, 'model.onnx'), {
      threads: 1,
      providerOptions: { shapes: 'input:1x4', evaluateBatch: '3' },
    });
    const feedsOf = (value: number) =>
      variant.prepareFeeds({
        input: { elementType: 'float32', data: new Float32Array(4).fill(value), dims: [1, 4] },
      });
    assert.match(variant.batched!.source, /batch 3, built apart from the timed one/);
    const before = (await calls()).length;
    const found = await variant.batched!.infer([feedsOf(1), feedsOf(2)]);
    const made = (await calls()).slice(before);
    assert.equal(made.length, 2, 'one build, one start');
    assert.match(made[0]!, /--optShapes=input:3x4/);
    assert.match(made[1]!, /--shapes=input:3x4/);
    const fed = await readFile(/--loadInputs=input:(\S+)/.exec(made[1]!)![1]!);
    // The last one fills the batch.
    assert.deepEqual(
      [...new Float32Array(fed.buffer, fed.byteOffset, 12)],
      [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2],
    );
    assert.deepEqual(
      found.map(({ output }) => output!.dims),
      [
        [1, 201, 18, 4],
        [1, 201, 18, 4],
      ],
    );
    const [first, second] = found.map(({ output }) => output!.data as Float32Array);
    assert.equal(second![0], first!.length / 4, 'numbers go on where those of the first end');
    await variant.close();
    const refused = backend.load(join(folder.path, 'model.onnx'), {
      threads: 1,
      providerOptions: { evaluateBatch: '3' },
    });
    await assert.rejects(refused, { code: 'unsupported', message: /shapes for one input/ });
  });

  it('records what each layer took, with what it computes on where the engine tells', async () => {
    const layers = join(folder.path, 'layers.json');
    await writeFile(
      layers,
      JSON.stringify({
        Layers: [
          {
            Name: 'conv',
            LayerType: 'CaskConvolution',
            Inputs: [
              { Name: 'x', 'Format/Datatype': 'Thirty-two wide channel vectorized row major Int8 format' },
            ],
          },
        ],
      }),
    );
    for (const recordedLayers of [undefined, layers]) {
      set('REPLAY_LAYERS', recordedLayers);
      const variant = await backend.load(join(folder.path, 'model.onnx'), {
        threads: 1,
        providerOptions: {},
        profilePrefix: join(folder.path, 'profile'),
      });
      const path = await variant.endProfile();
      assert.deepEqual(JSON.parse(await readFile(path!, 'utf8')), {
        tool: 'trtexec',
        runs: 3,
        layers: [
          {
            name: 'conv',
            averageMs: 2,
            ...(recordedLayers && { type: 'CaskConvolution', inputType: 'int8' }),
          },
        ],
      });
      await variant.close();
    }
    set('REPLAY_LAYERS', undefined);
  });

  it('refuses options that it does not know', async () => {
    const load = (providerOptions: Record<string, string>) =>
      backend.load(join(folder.path, 'model.onnx'), { threads: 1, providerOptions });
    await assert.rejects(load({ wings: '2' }), { code: 'unsupported' });
    await assert.rejects(load({ precision: 'int2' }), { code: 'unsupported' });
  });

  it('a failure is told in its words, want of memory as such', async () => {
    const failed = join(folder.path, 'failed.log');
    await writeFile(
      failed,
      '[E] Error[4]: [graph.cpp] Reshape: wrong\n&&&& FAILED TensorRT.trtexec [TensorRT v8201]\n',
    );
    set('REPLAY_CONSOLE', failed);
    await assert.rejects(runTrtexec([], { limitMs: 20_000 }), { code: 'refused', message: /Reshape: wrong/ });
    await writeFile(failed, '[E] Error Code 1: Cuda Runtime (out of memory)\n&&&& FAILED TensorRT.trtexec\n');
    await assert.rejects(runTrtexec([], { limitMs: 20_000 }), { code: 'resource-exhausted' });
    set('REPLAY_CONSOLE', nano);
  });

  it('one that hangs is killed with its children', async () => {
    const pidFile = join(folder.path, 'child');
    set('REPLAY_HANG', pidFile);
    await assert.rejects(runTrtexec([], { limitMs: 1500 }), { code: 'timeout' });
    set('REPLAY_HANG', undefined);
    const pid = Number(await readFile(pidFile, 'utf8'));
    const isGone = (): boolean => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    };
    for (let i = 0; i < 50 && !isGone(); i++) await sleep(100);
    assert.ok(isGone(), 'its child lives on');
  });
});
