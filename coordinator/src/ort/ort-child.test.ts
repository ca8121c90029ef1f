import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { refusedModels } from '../onnx/fixtures/refused-models.ts';
import { createTensor } from '../onnx/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { checkModel } from './check-model.ts';
import { OrtChild } from './ort-child.ts';

describe('OrtChild', () => {
  let folder = '';
  let path = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
    path = join(folder, 'expand.onnx');
    await writeFile(path, writeModel(expand(16)));
  });
  after(async () => rm(folder, { recursive: true }));

  /** Makes a tensor of `size` float32 out of nothing. */
  function expand(size: number): ReturnType<typeof buildModel> {
    return buildModel({
      opset: 13,
      inputs: { x: [1] },
      outputs: { y: ['n'] },
      initialisers: [createTensor('shape', 'int64', [1], BigInt64Array.of(BigInt(size)))],
      nodes: [buildNode('Expand', ['x', 'shape'], ['y'])],
    });
  }

  const one = { x: { elementType: 'float32', dims: [1], data: Float32Array.of(3) } };

  it('tells inputs and outputs, runs, and takes another model after the first', async () => {
    await using child = new OrtChild();
    for (const _ of [1, 2]) {
      const { inputs } = await child.open({ path, optimisation: 'all' });
      assert.deepEqual(inputs, [{ name: 'x', isTensor: true, elementType: 'float32', shape: [1] }]);
      const { y } = await child.run(one);
      assert.deepEqual(y, { elementType: 'float32', dims: [16], data: new Float32Array(16).fill(3) });
    }
  });

  it('keeps errors about inputs apart from those of ONNX Runtime about the model', async () => {
    await using child = new OrtChild();
    await child.open({ path, optimisation: 'all' });
    const contract = { layout: 'as-is', elementType: 'int32', channels: '', height: 0, width: 0, scale: 1 };
    const x = {
      raw: new Uint8Array(BigInt64Array.of(2n ** 40n).buffer),
      item: { elementType: 'int64', shape: [1] },
      contract: { ...contract, mean: [], deviation: [] },
      rank: 1,
    };
    await assert.rejects(child.run({ x }), {
      code: 'shape-mismatch',
      message: /^The model's input takes int32/,
      hint: 'Save items whose values fit int32.',
    });
  });

  it('takes and gives float16 as its bits', async () => {
    const half = join(folder, 'half.onnx');
    const model = buildModel({
      opset: 13,
      inputs: { x: [2] },
      outputs: { y: [2] },
      nodes: [buildNode('Add', ['x', 'x'], ['y'])],
    });
    for (const { type } of [...model.graph!.input, ...model.graph!.output])
      if (type?.value.case === 'tensorType') type.value.value.elemType = 10;
    await writeFile(half, writeModel(model));
    await using child = new OrtChild();
    await child.open({ path: half, optimisation: 'all' });
    // 1 and -0.5; 2 and -1.
    const x = { elementType: 'float16', dims: [2], data: Uint16Array.of(0x3c00, 0xb800) };
    const { y } = await child.run({ x });
    assert.deepEqual(y, { elementType: 'float16', dims: [2], data: Uint16Array.of(0x4000, 0xbc00) });
  });

  it('refuses a model that wants more memory than the limit, and the coordinator lives', async () => {
    const large = join(folder, 'large.onnx');
    await writeFile(large, writeModel(expand(1e9)));
    await using child = new OrtChild({ memoryLimitBytes: 2 ** 30 });
    await child.open({ path: large, optimisation: 'disabled' });
    await assert.rejects(child.run(one), (error: { code: string; message: string }) => {
      assert.ok(['resource-exhausted', 'crashed'].includes(error.code), error.message);
      return /memory/.test(error.message);
    });
  });

  it('ends a request at its time limit, and every later one', async () => {
    await using child = new OrtChild({ timeLimitMs: 1 });
    await assert.rejects(child.open({ path, optimisation: 'all' }), { code: 'timeout' });
    await assert.rejects(child.run(one), { code: 'timeout' });
  });

  it('ends at once when it is cancelled', async () => {
    const controller = new AbortController();
    await using child = new OrtChild({ signal: controller.signal });
    const opening = child.open({ path, optimisation: 'all' });
    controller.abort();
    await assert.rejects(opening, { code: 'cancelled' });
  });

  it('names the signal that a process died of', async () => {
    await using child = new OrtChild();
    await child.open({ path, optimisation: 'all' });
    process.kill(child.pid!, 'SIGSEGV');
    await assert.rejects(child.run(one), { code: 'crashed', message: /refused: crashed \(SIGSEGV\)/ });
  });

  it('does not blame the model where somebody else killed the process', async () => {
    await using child = new OrtChild();
    await child.open({ path, optimisation: 'all' });
    process.kill(child.pid!, 'SIGKILL');
    await assert.rejects(child.run(one), { code: 'crashed', message: /was killed \(SIGKILL\)/ });
  });

  it('does not outlive the process that started it, though its event loop does not turn', async () => {
    const module = JSON.stringify(new URL('./ort-child.ts', import.meta.url).href);
    const script = `const { OrtChild } = await import(${module}); const child = new OrtChild();
      await child.open({ path: ${JSON.stringify(path)}, optimisation: 'all' }); console.log(child.pid)`;
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(starter.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    // As an inference that takes long would stop it.
    process.kill(pid, 'SIGSTOP');
    starter.kill('SIGKILL');
    try {
      for (let i = 0; i < 600 && isAlive(pid); i++) await sleep(50);
      assert.ok(!isAlive(pid));
    } finally {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    }
  });

  it('gives ONNX Runtime’s reason for models that it refuses', async () => {
    const reasons = { 'bad-gemm-rank': /rank 2/, 'unregistered-op': /RequantShift/ } as const;
    for (const [name, reason] of Object.entries(reasons)) {
      const refused = join(folder, `${name}.onnx`);
      await writeFile(refused, refusedModels[name as keyof typeof reasons]());
      await assert.rejects(checkModel(refused), (error: { code: string; message: string }) => {
        assert.equal(error.code, 'refused');
        assert.doesNotMatch(error.message, new RegExp(folder));
        return reason.test(error.message);
      });
    }
  });
});

/** A process that has ended and waits to be reaped is not alive. */
function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !/\) Z/.test(readFileSync(path, 'utf8'));
}
