import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectFolder } from '../../../test/support/project-folder.ts';
import { realModels } from '../../../test/support/real-models.ts';
import { digitNet } from '../onnx/fixtures/digit-net.ts';
import { refusedModels } from '../onnx/fixtures/refused-models.ts';
import { writeModel } from '../onnx/write-model.ts';
import { addModel } from './add-model.ts';
import { addVariant } from './add-variant.ts';
import { modelSchema, variantSchema } from './artefacts.ts';
import { collect } from './testing/collect.ts';
import { openTestParts, type TestParts } from './testing/open-test-parts.ts';

/** A file that PyTorch wrote, of other inputs than digitNet. */
const otherModel = join(projectFolder, 'test/foreign/float32-torchscript.onnx');

function writeDigits(parts: TestParts): Promise<string> {
  return parts.write('digits.onnx', writeModel(digitNet()));
}

test('a model is stored with its shapes, its input contract and an fp32 variant of the same file', async () => {
  await using parts = await openTestParts();
  const notes: string[] = [];
  const path = await writeDigits(parts);
  const model = await addModel({ ...parts, path, onNote: (note) => notes.push(note) });
  modelSchema.parse(model);
  assert.equal(model.name, 'digits');
  assert.deepEqual(model.inputs, [{ name: 'Input3', elementType: 'float32', shape: [1, 1, 28, 28] }]);
  assert.deepEqual(
    model.outputs.map(({ shape }) => shape),
    [[1, 10]],
  );
  assert.deepEqual(model.opsets, { 'ai.onnx': 8 });
  // 28² · 25 · 8 + 14² · 200 · 16 + 256 · 10 of its two convolutions and its product.
  assert.equal(model.macs, 786_560);
  const { layout, channels, height, width, scale, inputName } = model.contract;
  assert.deepEqual(
    [layout, channels, height, width, scale, inputName],
    ['NCHW', 'gray', 28, 28, 1, 'Input3'],
  );
  assert.deepEqual(notes, ['No input contract given: items are passed unscaled (preset raw).']);
  assert.deepEqual(await parts.blobs.read(model.digest as never), await readFile(path));
  const [variant, ...others] = await parts.store.listVariants(model.digest);
  assert.equal(others.length, 0);
  variantSchema.parse(variant);
  assert.deepEqual(
    [variant?.name, variant?.digest, variant?.sizeBytes],
    ['fp32', model.digest, model.sizeBytes],
  );
  const { recipe, format, granularity, floatOperators } = variant!.record;
  assert.deepEqual([recipe, format, granularity], ['as-is', 'float32', 'none']);
  assert.equal(floatOperators['Conv'], 2);
});

test('a contract that contradicts the model is refused and nothing is recorded', async () => {
  await using parts = await openTestParts();
  const path = await writeDigits(parts);
  await assert.rejects(addModel({ ...parts, path, contract: { preset: 'imagenet' } }), {
    code: 'invalid-argument',
    message: /channels: expected gray/,
  });
  assert.deepEqual(await parts.store.listModels(), []);
});

test('a model may be added without a variant', async () => {
  await using parts = await openTestParts();
  const model = await addModel({
    ...parts,
    path: await writeDigits(parts),
    baseline: false,
    name: 'numbers',
  });
  assert.deepEqual(await parts.store.listVariants(model.digest), []);
});

for (const [name, make] of Object.entries(refusedModels)) {
  test(`${name}.onnx is refused, and no blob stays behind`, async () => {
    await using parts = await openTestParts();
    const path = await parts.write(`${name}.onnx`, make());
    await assert.rejects(addModel({ ...parts, path }), { code: 'refused' });
    assert.deepEqual(await collect(parts.blobs.list()), []);
    assert.deepEqual(await parts.store.listModels(), []);
  });
}

test('a file with other inputs or outputs is no variant of a model', async () => {
  await using parts = await openTestParts();
  const model = await addModel({ ...parts, path: await writeDigits(parts) });
  await assert.rejects(addVariant({ ...parts, model, path: otherModel }), {
    code: 'shape-mismatch',
    message: /inputs differ from the model's: expected Input3 float32 \[1, 1, 28, 28\]; got input float32/,
  });
});

test('a model with state takes items as they are into its first input, and the note says so', async () => {
  await using parts = await openTestParts();
  const notes: string[] = [];
  const path = realModels['silero-vad'];
  const model = await addModel({
    ...parts,
    path,
    contract: { preset: 'raw' },
    onNote: (note) => notes.push(note),
  });
  assert.deepEqual([model.contract.layout, model.contract.inputName], ['as-is', model.inputs[0]!.name]);
  assert.ok(model.inputs.length > 1);
  assert.match(notes.join(), /The model has the inputs .*: items go to input/);
});

test('the same file under the same name is no second model', async () => {
  await using parts = await openTestParts();
  const path = await writeDigits(parts);
  const first = await addModel({ ...parts, path, nowMs: () => 1 });
  assert.deepEqual(await addModel({ ...parts, path, nowMs: () => 2 }), first);
  assert.equal((await parts.store.listVariants(first.digest)).length, 1);
});

test('another file under a known name is refused', async () => {
  await using parts = await openTestParts();
  await addModel({ ...parts, path: await writeDigits(parts) });
  const other = addModel({ ...parts, path: otherModel, name: 'digits' });
  await assert.rejects(other, { code: 'already-exists' });
});
