import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PreparationContract, prepareInput } from './prepare-input.ts';

const contract: PreparationContract = {
  layout: 'NCHW',
  elementType: 'float32',
  channels: 'RGB',
  height: 1,
  width: 2,
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
};
const item = { elementType: 'uint8', shape: [1, 2, 3] };
const pixels = Uint8Array.of(10, 20, 30, 40, 50, 60);

describe('prepareInput', () => {
  it('scales each channel in float32 steps and moves channels to the front', () => {
    const { data, dims } = prepareInput(pixels, item, contract);
    const expected = [10, 40, 20, 50, 30, 60].map((value, index) => {
      const channel = index >> 1;
      const f = Math.fround;
      return f(f(f(value * f(1 / 255)) - f(contract.mean[channel]!)) / f(contract.deviation[channel]!));
    });
    assert.deepEqual(dims, [1, 3, 1, 2]);
    assert.deepEqual([...data], expected);
  });

  it('gives large images, which go by a table, the same bytes as single pixels', () => {
    const side = 20;
    const image = Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 7) % 256);
    const whole = prepareInput(
      image,
      { elementType: 'uint8', shape: [side, side, 3] },
      { ...contract, height: side, width: side },
    );
    for (const pixel of [0, 17, 399]) {
      const one = prepareInput(
        image.slice(pixel * 3, pixel * 3 + 3),
        { elementType: 'uint8', shape: [1, 1, 3] },
        { ...contract, width: 1 },
      );
      for (const channel of [0, 1, 2])
        assert.equal(whole.data[channel * side * side + pixel], one.data[channel]);
    }
  });

  it('reverses the channels for BGR, and takes mean and deviation in the order of the model', () => {
    const bgr = { ...contract, layout: 'NHWC', channels: 'BGR', scale: 1, mean: [100, 0, 0], deviation: [] };
    const { data, dims } = prepareInput(pixels, item, bgr);
    assert.deepEqual(dims, [1, 1, 2, 3]);
    assert.deepEqual([...data], [-70, 20, 10, -40, 50, 40]);
  });

  it('feeds gray images without a channel dimension', () => {
    const gray = { ...contract, channels: 'gray', scale: 1, mean: [], deviation: [] };
    const { data, dims } = prepareInput(Uint8Array.of(3, 255), { elementType: 'uint8', shape: [1, 2] }, gray);
    assert.deepEqual(dims, [1, 1, 1, 2]);
    assert.deepEqual([...data], [3, 255]);
  });

  it('keeps tensors as they are and adds the batch dimension where the model has one more', () => {
    const asIs = {
      ...contract,
      layout: 'as-is',
      channels: '',
      elementType: 'int64',
      height: 0,
      width: 0,
      scale: 1,
      mean: [],
      deviation: [],
    };
    const unaligned = new Uint8Array(17).subarray(1);
    new DataView(unaligned.buffer, 1).setBigInt64(8, -5n, true);
    const tensor = { elementType: 'int64', shape: [2] };
    assert.deepEqual(prepareInput(unaligned, tensor, asIs), { data: BigInt64Array.of(0n, -5n), dims: [2] });
    assert.deepEqual(prepareInput(unaligned, tensor, asIs, 2).dims, [1, 2]);
  });

  it('rounds to half precision, ties to even, where the model takes float16', () => {
    const half = {
      ...contract,
      layout: 'as-is',
      channels: '',
      elementType: 'float16',
      scale: 1,
      mean: [],
      deviation: [],
    };
    const values = Float32Array.of(1, -2, 65504, 65520, 2 ** -24, 2 ** -25, 1 + 2 ** -11, 1 + 3 * 2 ** -11);
    const raw = new Uint8Array(values.buffer);
    const { data } = prepareInput(raw, { elementType: 'float32', shape: [8] }, half);
    assert.deepEqual([...data], [0x3c00, 0xc000, 0x7bff, 0x7c00, 1, 0, 0x3c00, 0x3c02]);
  });

  it('says what it expected where sizes disagree', () => {
    assert.throws(() => prepareInput(pixels.subarray(1), item, contract), { code: 'shape-mismatch' });
    assert.throws(() => prepareInput(pixels, item, { ...contract, height: 2 }), { code: 'shape-mismatch' });
    assert.throws(() => prepareInput(pixels, item, { ...contract, channels: 'gray' }), {
      code: 'shape-mismatch',
    });
    assert.throws(() => prepareInput(pixels, item, { ...contract, mean: [1, 2] }), {
      code: 'shape-mismatch',
    });
    assert.throws(() => prepareInput(pixels, item, { ...contract, scale: 0 }), { code: 'invalid-argument' });
    assert.throws(() => prepareInput(pixels, item, { ...contract, elementType: 'int8' }), {
      code: 'unsupported',
    });
  });

  const tensor = (elementType: string) => ({
    ...contract,
    layout: 'as-is',
    channels: '',
    elementType,
    height: 0,
    width: 0,
    scale: 1,
    mean: [],
    deviation: [],
  });
  const bytesOf = (values: { buffer: ArrayBuffer }) => new Uint8Array(values.buffer);

  it('feeds integers and truth values to inputs of other integer types where their values fit', () => {
    const long = bytesOf(BigInt64Array.of(0n, -7n, 49n));
    const item = { elementType: 'int64', shape: [3] };
    assert.deepEqual(prepareInput(long, item, tensor('int32')).data, Int32Array.of(0, -7, 49));
    assert.deepEqual(prepareInput(long, item, tensor('int8')).data, Int8Array.of(0, -7, 49));
    const bytes = { elementType: 'uint8', shape: [2] };
    assert.deepEqual(prepareInput(Uint8Array.of(1, 0), bytes, tensor('bool')).data, Uint8Array.of(1, 0));
    assert.deepEqual(
      prepareInput(Uint8Array.of(1, 200), bytes, tensor('int64')).data,
      BigInt64Array.of(1n, 200n),
    );
    const most = bytesOf(BigUint64Array.of(2n ** 64n - 1n));
    assert.deepEqual(
      prepareInput(most, { elementType: 'uint64', shape: [1] }, tensor('uint64')).data,
      BigUint64Array.of(2n ** 64n - 1n),
    );
  });

  it('names the value and both types where an integer does not fit, and says that integers are not scaled', () => {
    const item = { elementType: 'int64', shape: [2] };
    const large = bytesOf(BigInt64Array.of(1n, 2n ** 31n));
    assert.throws(() => prepareInput(large, item, tensor('int32')), {
      code: 'shape-mismatch',
      message: /takes int32 \(-2147483648 to 2147483647\), the item of int64 has the value 2147483648/,
    });
    assert.throws(
      () => prepareInput(Uint8Array.of(2), { elementType: 'uint8', shape: [1] }, tensor('bool')),
      {
        message: /takes bool \(0 to 1\), the item of uint8 has the value 2/,
      },
    );
    assert.throws(() => prepareInput(large, item, { ...tensor('int64'), scale: 2 }), {
      code: 'unsupported',
      message: /takes int64, which is not scaled; the input contract has scale 2/,
    });
  });
});
