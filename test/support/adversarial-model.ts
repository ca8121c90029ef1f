import { createRandom } from '@qfleet/shared/random.ts';
import { intsAttribute } from '../../coordinator/src/onnx/attribute.ts';
import { buildModel, buildNode } from '../../coordinator/src/onnx/fixtures/build-model.ts';
import { createTensor } from '../../coordinator/src/onnx/tensor.ts';
import { writeModel } from '../../coordinator/src/onnx/write-model.ts';

const side = 8;
const channels = 16;
const classes = 10;

/**
 * A small classifier whose int8 form must saturate on x86 without VNNI: every filter of its convolutions has weights
 * of one sign and nearly one size, so that neighbours add up to more than 16 bits hold wherever activations are high.
 * Input uint8 pictures 8×8×3, scaled to 0…1; bright ones make it overflow. `adversarial.onnx` is what it builds.
 */
export function buildAdversarialModel(): Uint8Array {
  const random = createRandom(11);
  const filters = (outputs: number, inputs: number): Float32Array =>
    Float32Array.from({ length: outputs * inputs * 9 }, (_, i) => {
      const output = Math.floor(i / (inputs * 9));
      const size = (0.9 + 0.1 * random.next()) / (inputs * 9);
      return output % 4 === 3 ? -size : size;
    });
  const dense = Float32Array.from({ length: channels * classes }, () => 2 * random.next() - 1);
  const bias = (count: number, value: number): Float32Array => new Float32Array(count).fill(value);
  const model = buildModel({
    opset: 13,
    nodes: [
      buildNode('Conv', ['x', 'w1', 'b1'], ['c1'], [intsAttribute('pads', [1, 1, 1, 1])]),
      buildNode('Relu', ['c1'], ['r1']),
      buildNode('Conv', ['r1', 'w2', 'b2'], ['c2'], [intsAttribute('pads', [1, 1, 1, 1])]),
      buildNode('Relu', ['c2'], ['r2']),
      buildNode('GlobalAveragePool', ['r2'], ['g']),
      buildNode('Flatten', ['g'], ['f']),
      buildNode('Gemm', ['f', 'w3', 'b3'], ['y']),
    ],
    initialisers: [
      createTensor('w1', 'float32', [channels, 3, 3, 3], filters(channels, 3)),
      createTensor('b1', 'float32', [channels], bias(channels, 0.2)),
      createTensor('w2', 'float32', [channels, channels, 3, 3], filters(channels, channels)),
      createTensor('b2', 'float32', [channels], bias(channels, 0.2)),
      createTensor('w3', 'float32', [channels, classes], dense),
      createTensor('b3', 'float32', [classes], bias(classes, 0)),
    ],
    inputs: { x: [1, 3, side, side] },
    outputs: { y: [1, classes] },
  });
  return writeModel(model);
}

/** Bright pictures, [count, 8, 8, 3], for calibration and for judging. */
export function brightPictures(count: number): Uint8Array {
  const random = createRandom(12);
  return Uint8Array.from({ length: count * side * side * 3 }, () => 160 + random.below(96));
}
