import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { addModel } from '../coordinator/src/artefacts/add-model.ts';
import { addVariant } from '../coordinator/src/artefacts/add-variant.ts';
import type { Model, VariantRecord } from '../coordinator/src/artefacts/artefacts.ts';
import { encodeNpy } from '../coordinator/src/artefacts/testing/encode-npy.ts';
import { openTestParts, type TestParts } from '../coordinator/src/artefacts/testing/open-test-parts.ts';
import { Lab } from './support/lab.ts';
import { projectFolder } from './support/project-folder.ts';

/** Files that a real PyTorch and a real ONNX Runtime wrote: make_files.py, from_the_post.py and their logs. */
const filePath = (name: string): string => join(projectFolder, 'test/foreign', name);

const floatModels = [
  { name: 'float32-torchscript.onnx', opset: 18, embedded: 0 },
  { name: 'float32-torchscript-opset20.onnx', opset: 20, embedded: 0 },
  { name: 'float32-unfolded.onnx', opset: 18, embedded: 0 },
  { name: 'float32-dynamo.onnx', opset: 18, embedded: 3 },
  { name: 'float32-dynamo-opset21.onnx', opset: 21, embedded: 0 },
  { name: 'sequence-float32.onnx', opset: 18, embedded: 0 },
];

for (const { name, opset, embedded } of floatModels) {
  test(`${name} is taken as a model with an open batch`, async () => {
    await using parts = await openTestParts();
    const notes: string[] = [];
    const path = filePath(name);
    const model = await addModel({ ...parts, path, onNote: (note) => notes.push(note) });
    assert.equal(model.opsets['ai.onnx'], opset);
    assert.match(model.producer, /^pytorch/);
    assert.deepEqual(
      [...model.inputs, ...model.outputs].map((tensor) => [tensor.name, tensor.shape[0]]),
      [
        ['input', 'batch'],
        ['logits', 'batch'],
      ],
    );
    const [baseline] = await parts.store.listVariants(model.digest);
    const { format, granularity, symmetry, placement } = baseline!.record;
    assert.deepEqual([format, granularity, symmetry, placement], ['float32', 'none', 'none', 'none']);
    const said = notes.find((note) => note.includes('from other files'));
    assert.equal(
      said,
      embedded > 0 ? `${embedded} tensors from other files were taken into the model's file.` : undefined,
    );
    const isWhole = (await parts.blobs.read(model.digest as never)).equals(await readFile(path));
    assert.equal(isWhole, embedded === 0, 'stored byte for byte unless weights lie in another file');
  });
}

test('every float model of PyTorch is quantized, whichever exporter and opset', async (t) => {
  await using lab = new Lab();
  const images = await writeItems(lab, 'images.npy', [8, 3, 16, 16]);
  const sequences = await writeItems(lab, 'sequences.npy', [8, 6, 16]);
  for (const { name } of floatModels) {
    await t.test(name, async () => {
      const items = name.startsWith('sequence') ? sequences : images;
      const out = join(lab.folder, `out-${name}`);
      const what = ['--calibration', items, '--recipe', 'int8-min-max', '--preset', 'raw'];
      await lab.qfleetOk('quantize', filePath(name), ...what, '--out', out);
      await using parts = await openTestParts();
      const model = await addModel({ ...parts, path: filePath(name) });
      const { record } = await addVariant({ ...parts, model, path: join(out, 'int8-min-max.onnx') });
      assert.deepEqual(
        [record.format, record.granularity, record.symmetry, record.placement],
        ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'qdq'],
      );
      assert.deepEqual(record.folding, { batchNorms: 0, clips: 0 });
      const { quantizedOperators: counts, floatOperators: floats } = record;
      const products = name.startsWith('sequence') ? { MatMul: 2 } : { Conv: 3, Gemm: 1 };
      for (const [type, count] of Object.entries(products)) {
        assert.equal(counts[type], count, `${type} of ${JSON.stringify({ counts, floats })}`);
        assert.equal(floats[type], undefined);
      }
    });
  }
});

interface Expected {
  readonly axes: readonly [
    format: string,
    granularity: VariantRecord['granularity'],
    symmetry: string,
    placement: NonNullable<VariantRecord['placement']>,
  ];
  readonly folding?: VariantRecord['folding'];
  readonly quantized: Record<string, number>;
  /** One pattern for each note, the first of all variants left out. */
  readonly notes: readonly RegExp[];
}

const network = { Conv: 3, Add: 1, GlobalAveragePool: 1, Flatten: 1, Gemm: 1 };
const refusedByTensorRt = /^Activations are asymmetric u?int(8|16): TensorRT/;
const floatOnX64 = /^Activations are int8: ONNX Runtime keeps much of it in float on x64/;
const anew = /dynamic quantization/;
const blocksOf16 = /^Weights have one scale for each block of 16/;

const variants: Record<string, Expected> = {
  'torch-eager-fbgemm.onnx': {
    axes: ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'qdq'],
    folding: { batchNorms: 0, clips: 3 },
    quantized: { ...network, Relu: 1 },
    notes: [refusedByTensorRt],
  },
  'torch-eager-qnnpack.onnx': {
    axes: ['uint8/int8', 'per-tensor', 'asymmetric/symmetric', 'qdq'],
    folding: { batchNorms: 0, clips: 3 },
    quantized: { ...network, Relu: 1 },
    notes: [refusedByTensorRt],
  },
  'torch-fx.onnx': {
    axes: ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'qdq'],
    folding: { batchNorms: 0, clips: 3 },
    quantized: { ...network, Clip: 1 },
    notes: [refusedByTensorRt],
  },
  'torch-pt2e.onnx': {
    axes: ['int8/int8', 'per-channel', 'asymmetric/symmetric', 'qdq'],
    folding: { batchNorms: 0, clips: 3 },
    quantized: { Conv: 3, Add: 1, Clip: 1, ReduceMean: 1, Reshape: 1, Gemm: 1 },
    notes: [refusedByTensorRt, floatOnX64],
  },
  'torch-qat-scalars.onnx': {
    axes: ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'qdq'],
    folding: { batchNorms: 3, clips: 8 },
    quantized: { Conv: 3, Add: 1, Gemm: 1 },
    notes: [refusedByTensorRt, /^Clip between QuantizeLinear and DequantizeLinear \(6\)/],
  },
  'torch-qat-converted.onnx': {
    axes: ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'qdq'],
    folding: { batchNorms: 0, clips: 3 },
    quantized: { ...network, Relu: 1 },
    notes: [refusedByTensorRt],
  },
  'ort-qdq-u8s8-per-channel.onnx': {
    axes: ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'qdq'],
    quantized: network,
    notes: [refusedByTensorRt],
  },
  'ort-qdq-s8s8-per-tensor.onnx': {
    axes: ['int8/int8', 'per-tensor', 'asymmetric/symmetric', 'qdq'],
    quantized: network,
    notes: [refusedByTensorRt, floatOnX64],
  },
  'ort-qdq-s8s8-symmetric.onnx': {
    axes: ['int8/int8', 'per-channel', 'symmetric/symmetric', 'qdq'],
    folding: { batchNorms: 0, clips: 3 },
    quantized: { ...network, Relu: 2, Clip: 1 },
    notes: [floatOnX64],
  },
  'ort-qdq-u16s8.onnx': {
    axes: ['uint16/int8', 'per-tensor', 'asymmetric/symmetric', 'qdq'],
    quantized: network,
    notes: [refusedByTensorRt, /^Activations have 16 bits/],
  },
  'ort-qoperator-u8s8.onnx': {
    axes: ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'qoperator'],
    quantized: { QLinearConv: 3, QLinearAdd: 1, QLinearGlobalAveragePool: 1, QGemm: 1 },
    notes: [],
  },
  'ort-dynamic.onnx': {
    axes: ['uint8/int8', 'per-tensor', 'asymmetric/symmetric', 'dynamic'],
    quantized: { ConvInteger: 3, MatMulInteger: 1 },
    notes: [anew],
  },
  'ort-float16.onnx': { axes: ['float16', 'none', 'none', 'none'], quantized: {}, notes: [] },
  'ort-float16-mixed.onnx': {
    axes: ['float16', 'none', 'none', 'none'],
    quantized: {},
    notes: [/^The float weights are of several types: float16 \(3\), float32 \(1\)/],
  },
  'sequence-ort-dynamic.onnx': {
    axes: ['uint8/int8', 'per-channel', 'asymmetric/symmetric', 'dynamic'],
    quantized: { DynamicQuantizeLSTM: 1, MatMulInteger: 2 },
    notes: [anew],
  },
  'sequence-ort-4bits.onnx': {
    axes: ['float32/int4', 'per-block', 'none/symmetric', 'weight-only'],
    quantized: { MatMulNBits: 2 },
    notes: [blocksOf16],
  },
  'sequence-ort-4bits-qdq.onnx': {
    axes: ['float32/uint4', 'per-block', 'none/asymmetric', 'weight-only'],
    quantized: { MatMul: 2 },
    notes: [blocksOf16],
  },
};

test('every quantized file of PyTorch and ONNX Runtime is a variant just as it is, described by five axes', async (t) => {
  await using parts = await openTestParts();
  const images = await addModel({ ...parts, path: filePath('float32-torchscript.onnx') });
  const sequences = await addModel({ ...parts, path: filePath('sequence-float32.onnx') });
  for (const [name, expected] of Object.entries(variants)) {
    await t.test(name, () =>
      checkVariant(parts, { name, expected, model: name.startsWith('sequence') ? sequences : images }),
    );
  }
  const stored = (await parts.store.listVariants(images.digest)).length;
  const wanted = Object.keys(variants).filter((name) => !name.startsWith('sequence')).length;
  assert.equal(stored, wanted + 1, 'all of them beside the baseline');
});

async function checkVariant(
  parts: TestParts,
  { name, expected, model }: { readonly name: string; readonly expected: Expected; readonly model: Model },
): Promise<void> {
  const variant = await addVariant({ ...parts, model, path: filePath(name) });
  assert.equal(variant.name, basename(name, '.onnx'));
  assert.deepEqual(await parts.blobs.read(variant.digest as never), await readFile(filePath(name)));
  const { record } = variant;
  assert.deepEqual([record.format, record.granularity, record.symmetry, record.placement], expected.axes);
  assert.deepEqual(record.folding, expected.folding ?? { batchNorms: 0, clips: 0 });
  assert.deepEqual(record.quantizedOperators, expected.quantized);
  const [origin, ...notes] = record.notes;
  assert.match(origin!, /^Made by .*, taken as it is\.$/);
  assert.equal(notes.length, expected.notes.length, notes.join('\n'));
  for (const [i, pattern] of expected.notes.entries()) assert.match(notes[i]!, pattern);
}

test('what ONNX Runtime cannot load is refused with its reason: scales of fake quantization are arrays of one', async () => {
  await using parts = await openTestParts();
  const model = await addModel({ ...parts, path: filePath('float32-torchscript.onnx') });
  await assert.rejects(addVariant({ ...parts, model, path: filePath('torch-qat.onnx') }), {
    code: 'refused',
    message: /QLinearAdd.*Scale and Zero-point must be a scalar/,
  });
  assert.equal((await parts.store.listVariants(model.digest)).length, 1);
});

test('a quantized file of PyTorch is no model to quantize', async () => {
  await using lab = new Lab();
  const images = await writeItems(lab, 'images.npy', [4, 3, 16, 16]);
  const what = ['--calibration', images, '--recipe', 'int8-per-channel', '--out', join(lab.folder, 'out')];
  const { code, stderr } = await lab.qfleet('quantize', filePath('torch-eager-fbgemm.onnx'), ...what);
  assert.notEqual(code, 0);
  assert.match(stderr, /quantized/);
});

/** Items with some structure, the same in every run. */
async function writeItems(lab: Lab, name: string, shape: readonly number[]): Promise<string> {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.7) + Math.cos(i * i * 0.013));
  const path = join(lab.folder, name);
  await writeFile(path, encodeNpy('<f4', shape, values));
  return path;
}
