import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ModelProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { inferShapes } from '../../onnx/shapes.ts';
import { createTensor } from '../../onnx/tensor.ts';
import { quantizeNet, randomItems, readParsed, staticRecipe } from '../fixtures/quantize-net.ts';
import { randomValues, randomWeights } from '../rewrite/fixtures/random-tensor.ts';

const size = 8;

/** A product with large weights, its size, a logarithm of that, and a product that float16 can hold. */
function spectrumNet(
  middle: readonly NodeProto[] = [buildNode('Add', ['size', 'one'], ['sum'])],
): ModelProto {
  return buildModel({
    opset: 13,
    inputs: { x: [1, size] },
    outputs: { y: [1, 3] },
    initialisers: [
      createTensor('w1', 'float32', [size, size], randomValues([size, size], 100_000)),
      randomWeights('w2', [size, 3]),
      createTensor('one', 'float32', [], Float32Array.of(1)),
    ],
    nodes: [
      buildNode('MatMul', ['x', 'w1'], ['spectrum']),
      buildNode('Abs', ['spectrum'], ['size']),
      ...middle,
      buildNode('Log', ['sum'], ['level']),
      buildNode('MatMul', ['level', 'w2'], ['y']),
    ],
  });
}

describe('activations beyond float16', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));
  const items = randomItems([size], 8);

  it('stay float32 with what reads and writes them, and are named with their size', async () => {
    const { variants, refused } = await quantizeNet(folder, spectrumNet(), ['fp16', staticRecipe('plain')], {
      items,
    });
    assert.deepEqual(refused, []);
    const { record, path } = variants[0]!;
    assert.ok(record.outputSqnrDb! > 50, `${record.outputSqnrDb} dB`);
    assert.deepEqual(record.quantizedOperators, { MatMul: 1 });
    const spectrum = record.notes.find((note) => note.startsWith('MatMul "spectrum"'));
    const [, reached] = /stays float32: "spectrum" reaches (\S+) on the calibration inputs/.exec(spectrum!)!;
    assert.ok(Number(reached) > 65504 && Number(reached) < 800_000, reached);
    const types = await inferShapes(await readParsed(path));
    for (const tensor of ['spectrum', 'size', 'sum', 'level'])
      assert.equal(types.get(tensor)?.elementType, 'float32', tensor);
  });

  it('are not looked for without calibration inputs, which is said', async () => {
    const { variants } = await quantizeNet(folder, spectrumNet(), ['fp16'], {
      items: { shape: [size], items: [] },
    });
    assert.match(
      variants[0]!.record.notes.join(' '),
      /Whether activations stay within float16 \(±65504\) is not known/,
    );
  });

  /** A logarithm of what a product leaves of its biases; a second product makes an int8 recipe quantize that. */
  const levels = (biases: readonly number[]): ModelProto =>
    buildModel({
      opset: 13,
      inputs: { x: [1, size] },
      outputs: { level: [1, 3], y: [1, 2] },
      initialisers: [
        randomWeights('w1', [size, 3], 1e-5),
        createTensor('b1', 'float32', [3], Float32Array.from(biases)),
        randomWeights('w2', [3, 2]),
      ],
      nodes: [
        buildNode('Gemm', ['x', 'w1', 'b1'], ['hidden']),
        buildNode('Relu', ['hidden'], ['r']),
        buildNode('Log', ['r'], ['level']),
        buildNode('Gemm', ['r', 'w2'], ['y']),
      ],
    });

  it('an output that a variant alone makes infinite is refused with the operator at which that begins', async () => {
    const { refused } = await quantizeNet(folder, levels([0.001, 1, 10]), [staticRecipe('plain')], { items });
    assert.match(
      refused[0]!.error.message,
      /^Recipe plain gives 8 NaN or infinite values in output "level", where the model's are finite: Log "level" makes it of finite values\.$/,
    );
    assert.doesNotMatch(refused[0]!.error.hint!, /[Cc]alibrat/);
  });

  it('an output that the model itself makes infinite elsewhere is offered with both counts', async () => {
    const { variants, refused } = await quantizeNet(
      folder,
      levels([0.001, -1, 10]),
      [staticRecipe('plain')],
      { items },
    );
    assert.deepEqual(refused, []);
    assert.match(
      variants[0]!.record.notes.join(' '),
      /8 values of output "level" are NaN or infinite.* own 8 are/,
    );
  });
});
