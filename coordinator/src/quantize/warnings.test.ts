import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { warnOfCalibration } from './calibration/warn-of-calibration.ts';
import { warnOfVariant } from './check/warn-of-variant.ts';
import { quantizeNet, randomItems, staticRecipe } from './fixtures/quantize-net.ts';
import { randomWeights } from './rewrite/fixtures/random-tensor.ts';

describe('warnings about a model', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));

  function net(noise: boolean) {
    return buildModel({
      opset: 13,
      inputs: { x: ['n', 16] },
      outputs: { y: ['n', 64] },
      initialisers: [randomWeights('w1', [16, 64]), randomWeights('w2', [64, 64])],
      nodes: [
        buildNode('MatMul', ['x', 'w1'], ['h']),
        ...(noise ? [buildNode('RandomNormalLike', ['h'], ['drawn'])] : []),
        buildNode('Add', ['h', noise ? 'drawn' : 'h'], ['a']),
        buildNode('MatMul', ['a', 'w2'], ['y']),
      ],
    });
  }

  it('names the operator where a model answers otherwise each time, and judges no variant by it', async () => {
    const made = await quantizeNet(folder, net(true), ['int8-min-max'], { items: randomItems([16], 40) });
    assert.equal(made.warnings.length, 1);
    assert.match(made.warnings[0]!, /other outputs for the same input each time \(RandomNormalLike\)/);
    const { outputSqnrDb, warnings = [] } = made.variants[0]!.record;
    assert.ok(outputSqnrDb! < 10);
    assert.ok(warnings.every((warning) => !warning.includes('nothing like')));
  });

  it('says of a variant that it answers nothing like the model, and of a sound one nothing', async () => {
    const harsh = staticRecipe('harsh', { observer: { method: 'percentile', percentile: 51 } });
    const made = await quantizeNet(folder, net(false), ['int8-min-max', harsh], {
      items: randomItems([16], 40),
    });
    assert.deepEqual(made.warnings, []);
    const [sound, bad] = made.variants;
    assert.equal(sound!.record.warnings, undefined);
    assert.match(bad!.record.warnings!.join(), /nothing like the model's: output SQNR under 10 dB/);
  });
});

describe('warnOfVariant', () => {
  const sound = { recipe: { scheme: 'static' }, sizeBytes: 300, floatSizeBytes: 1000, sqnrDb: 30 } as const;

  it('has nothing to say of a smaller file with like outputs', () => {
    assert.deepEqual(warnOfVariant(sound), []);
    assert.deepEqual(warnOfVariant({ ...sound, sqnrDb: undefined }), []);
    assert.deepEqual(warnOfVariant({ ...sound, recipe: { scheme: 'float32' }, sizeBytes: 1001 }), []);
  });

  it('says where a file is larger than the float32 model, or has not shrunk', () => {
    assert.match(warnOfVariant({ ...sound, sizeBytes: 1190 }).join(), /larger than the float32/);
    const half = { ...sound, recipe: { scheme: 'float16' }, sizeBytes: 980 } as const;
    assert.match(warnOfVariant(half).join(), /hardly smaller/);
  });
});

describe('warnOfCalibration', () => {
  const digests = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));
  const facts = {
    dataset: { name: 'set', channels: 'RGB', item: { elementType: 'uint8', shape: [224, 224, 3] } },
    contract: { channels: 'RGB', height: 224, width: 224 },
    itemDigests: digests(100),
    constant: { count: 0, of: 32 },
  } as const;

  it('has nothing to say of a hundred different images of the right kind', () => {
    assert.deepEqual(warnOfCalibration({ ...facts, dataset: { ...facts.dataset, item: itemOf(224) } }), []);
  });

  function itemOf(side: number, channels = 3) {
    return { elementType: 'uint8', shape: [side, side, channels] };
  }

  it('names few, equal, constant, gray and enlarged inputs', () => {
    const warn = (more: object): string => {
      const dataset = { ...facts.dataset, item: itemOf(224) };
      return warnOfCalibration({ ...facts, dataset, ...more }).join('\n');
    };
    assert.match(warn({ itemDigests: digests(31) }), /31 calibration inputs are few/);
    assert.match(warn({ itemDigests: Array(64).fill('a') }), /Only 1 of 64 calibration inputs are different/);
    assert.match(warn({ constant: { count: 3, of: 32 } }), /3 of the first 32 .* same value everywhere/);
    const gray = { ...facts.dataset, channels: 'gray', item: itemOf(224, 1) };
    assert.match(warn({ dataset: gray }), /images of set are gray, the model takes colour/);
    const small = { ...facts.dataset, item: itemOf(32) };
    assert.match(warn({ dataset: small }), /32x32 are enlarged to 224x224/);
  });
});
