import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  type ModelProto,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from '../../gen/onnx/onnx_pb.js';
import { buildModel, buildNode } from './fixtures/build-model.ts';
import { refusedModels } from './fixtures/refused-models.ts';
import { readModel } from './read-model.ts';
import { createTensor, readFloats } from './tensor.ts';
import { writeModel } from './write-model.ts';

const weights = Float32Array.from({ length: 12 }, (_, i) => i - 6);

function linear(): ModelProto {
  return buildModel({
    opset: 13,
    nodes: [buildNode('MatMul', ['x', 'w'], ['y'])],
    inputs: { x: ['batch', 3] },
    outputs: { y: ['batch', 4] },
    initialisers: [createTensor('w', 'float32', [3, 4], weights)],
  });
}

describe('readModel', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));

  async function write(bytes: Uint8Array | string): Promise<string> {
    const path = join(folder, 'model.onnx');
    await writeFile(path, bytes);
    return path;
  }

  async function refuse(bytes: Uint8Array | string, pattern: RegExp): Promise<void> {
    await assert.rejects(readModel(await write(bytes)), { code: 'refused', message: pattern });
  }

  /** The weight moved to another file, as onnx.save_model does it. */
  function external(entries: Record<string, string>): Uint8Array {
    const model = linear();
    const tensor = model.graph!.initializer[0]!;
    tensor.rawData = new Uint8Array();
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    tensor.externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
    return writeModel(model);
  }

  it('gives back the file as it is where the model is sound', async () => {
    const bytes = writeModel(linear());
    const read = await readModel(await write(bytes));
    assert.deepEqual(Buffer.from(read.bytes), Buffer.from(bytes));
    assert.equal(read.embeddedTensors, 0);
  });

  it('refuses what is no model, and says which stranger it is', async () => {
    await refuse('', /empty/);
    await refuse('<!DOCTYPE html><html>', /web page/);
    await refuse('version https://git-lfs.github.com/spec/v1\noid sha256:00\n', /git-LFS pointer/);
    await refuse(writeModel(linear()).subarray(0, -5), /truncated/);
    await refuse(Buffer.from('just some words'), /no ONNX model/);
    await assert.rejects(readModel(folder), { code: 'refused', message: /no regular file/ });
    await assert.rejects(readModel(join(folder, 'absent.onnx')), { code: 'not-found' });
  });

  it('refuses a tensor with fewer bytes than its dimensions say', async () => {
    const model = linear();
    model.graph!.initializer[0]!.dims = [3n, 5n];
    await refuse(writeModel(model), /"w" \[3, 5\] should have 60 bytes, the file has 48 bytes/);
    model.graph!.initializer[0]!.dims = [2n ** 40n, 2n ** 40n];
    await refuse(writeModel(model), /impossible dimensions/);
  });

  it('names the operator whose domain nobody knows', async () => {
    const model = linear();
    model.graph!.node[0]!.domain = 'acme.ops';
    await refuse(writeModel(model), /acme\.ops\.MatMul "y"/);
  });

  it('embeds external data, and what it writes loads again', async () => {
    await mkdir(join(folder, 'weights'), { recursive: true });
    await writeFile(
      join(folder, 'weights/w.data'),
      Buffer.concat([Buffer.alloc(7), Buffer.from(weights.buffer)]),
    );
    const path = await write(external({ location: 'weights/w.data', offset: '7', length: '48' }));
    const read = await readModel(path);
    assert.equal(read.embeddedTensors, 1);
    const again = await readModel(await write(read.bytes));
    assert.deepEqual(readFloats(again.model.graph!.initializer[0]!), weights);
  });

  it('refuses external data outside the folder, under a second name, missing, or too short', async () => {
    await writeFile(join(folder, 'short.data'), 'abc');
    await symlink('/etc/hostname', join(folder, 'link.data')).catch(() => undefined);
    await writeFile(join(folder, 'secret'), Buffer.alloc(48));
    await link(join(folder, 'secret'), join(folder, 'hard.data'));
    await refuse(external({ location: 'hard.data' }), /is a hard link: the file has 2 names/);
    execFileSync('mkfifo', [join(folder, 'pipe.data')]);
    await refuse(external({ location: 'pipe.data' }), /no regular file/);
    await refuse(external({ location: '/etc/passwd' }), /path "\/etc\/passwd"/);
    await refuse(external({ location: '../x.data' }), /inside the model's folder/);
    await refuse(external({ location: 'a/../../x.data' }), /inside the model's folder/);
    await refuse(external({ location: 'link.data' }), /link that leads out/);
    await refuse(external({ location: 'absent.data' }), /"absent\.data".* is missing/);
    await refuse(external({ location: 'short.data' }), /has 3 bytes; tensor "w" wants those up to 48/);
    await refuse(external({ location: 'short.data', length: '9' }), /need 48 bytes/);
  });

  it('refuses models that cannot run alone', async () => {
    const files = {
      'git-lfs-pointer': /git-LFS/,
      'needs-extensions': /DecodeImage/,
      'non-tensor-output': /"loss" is a sequence/,
    } as const;
    for (const [name, pattern] of Object.entries(files))
      await refuse(refusedModels[name as keyof typeof files](), pattern);
  });
});
