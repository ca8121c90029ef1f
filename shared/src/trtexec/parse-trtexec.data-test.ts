import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { parseConsole } from './parse-console.ts';
import { parseEngineLayers, parseProfile } from './parse-exports.ts';

const read = (name: string): Promise<string> => readFile(testDataPath(`trtexec/${name}`), 'utf8');

describe('what trtexec says on its console', () => {
  it('of version 8.2 on a Jetson Nano', async () => {
    const facts = parseConsole(await read('trtexec-v8201-nano-culane18-fp32.log'));
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

  it('of version 8.0, and of a summary alone', async () => {
    const old = parseConsole(await read('trtexec-v8001-nano-yolo-fp16-excerpt.log'));
    assert.deepEqual([old.version, old.latency?.['median'], old.buildSec], ['8.0.1', 40.6337, undefined]);
    const best = parseConsole(await read('trtexec-v8201-best-summary.log'));
    assert.deepEqual([best.gpu, best.latency?.['median'], best.passed], [undefined, 13.7999, true]);
  });

  it('profiles and layer lists of a real engine', async () => {
    const { runs, layers } = parseProfile(await read('detr-profile.json'));
    assert.equal(runs, 641);
    const conv = layers.find(({ name }) => name === 'PWN(PWN(/Sub), PWN(/Div))');
    assert.deepEqual([conv?.averageMs, conv?.medianMs], [0.0237058, 0.023296]);
    const names = parseEngineLayers(await read('detr-layer-info.json'));
    assert.equal(names.length, 840);
    assert.equal(layers.length, names.length);
  });
});
