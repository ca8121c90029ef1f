import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createRandom } from '@qfleet/shared/random.ts';
import type { VariantRecord } from '../../coordinator/src/artefacts/artefacts.ts';
import { writeNpz } from '../../coordinator/src/cli/demo/write-npz.ts';
import { OrtChild } from '../../coordinator/src/ort/ort-child.ts';
import type { Feeds, SessionMetadata, TensorMessage } from '../../coordinator/src/ort/ort-messages.ts';
import { generateInputs, openSizes } from '../../coordinator/src/quantize/calibration/generate-inputs.ts';
import { recipes } from '../../coordinator/src/quantize/recipes/find-recipe.ts';
import { quantizedSchema } from '../../coordinator/src/tasks/task-params.ts';
import { type Finished, Lab } from './lab.ts';

/** What ONNX Runtime says of files that are wrong, rather than of models that it has no kernels for. */
const invalidFile = /This is an invalid model|Invalid model\. Node input|INVALID_GRAPH|INVALID_PROTOBUF/;

/** A model to make files of. */
export interface RecipeSubject {
  readonly path: string;
  /** Size of its one image, `[height, width, channels]`; without one there is no calibration. */
  readonly image?: readonly number[] | undefined;
  /** A few recipes for a model that takes minutes with all of them. */
  readonly recipes?: readonly string[] | undefined;
  /** An input contract, where the model leaves sizes open. */
  readonly contract?: object;
}

/** `qfleet quantize --out` by every recipe makes a file that runs, or refuses the recipe with a reason. */
export async function checkEveryRecipe(subject: RecipeSubject): Promise<void> {
  await using lab = new Lab();
  const out = join(lab.folder, 'out');
  const calibration = subject.image ? ['--calibration', await writeImages(lab, subject.image)] : [];
  const preset = subject.image && !subject.contract ? ['--preset', 'unit'] : [];
  const contract = subject.contract ? ['--contract', await writeContract(lab, subject.contract)] : [];
  const asked = subject.recipes ?? ['all'];
  const order = ['quantize', subject.path, '--recipe', asked.join(), '--out', out, '-o', 'json'];
  const finished = await lab.qfleet(...order, ...calibration, ...preset, ...contract);
  const made = readMade(finished);
  const refused = readRefused(finished);
  assert.equal(finished.code, subject.recipes && refused.size > 0 ? 1 : 0, finished.stderr);
  const expected = recipes.filter(({ id }) => subject.recipes?.includes(id) ?? true);
  assert.deepEqual([...made, ...refused.keys()].sort(), expected.map(variantName).sort());
  for (const [recipe, reason] of refused) {
    assert.ok(reason.length > 20, `${recipe}: ${reason}`);
    assert.doesNotMatch(reason, invalidFile, recipe);
  }
  for (const recipe of made) {
    await runFile(join(out, `${recipe}.onnx`));
    const { notes } = JSON.parse(await readFile(join(out, `${recipe}.json`), 'utf8')) as VariantRecord;
    assert.deepEqual(
      notes.filter((note) => /not run/.test(note)),
      [],
      `${recipe} was run before it was offered`,
    );
  }
  if (!subject.image) return;
  const unexpected = [...refused].filter(([recipe]) => !mayBeRefused(recipe));
  assert.deepEqual(unexpected, [], 'convolutions can be quantized');
}

async function writeContract(lab: Lab, contract: object): Promise<string> {
  const path = join(lab.folder, 'contract.json');
  await writeFile(path, JSON.stringify(contract));
  return path;
}

/** The baseline is named after what was done to it. */
function variantName({ id }: { readonly id: string }): string {
  return id === 'fp32' ? 'fp32-folded' : id;
}

/** A goal in changed answers is for classifiers, dynamic and weight-only quantization for matrix products. */
function mayBeRefused(recipe: string): boolean {
  return ['int8-mixed', 'int8-dyn', 'int4-wo'].includes(recipe);
}

/** Two images of noise, `[height, width, channels]`. */
export async function writeImages(lab: Lab, shape: readonly number[]): Promise<string> {
  const random = createRandom(29);
  const count = 2;
  const bytes = shape.reduce((product, size) => product * size, count);
  const data = Uint8Array.from({ length: bytes }, () => random.below(256));
  const path = join(lab.folder, 'images.npz');
  await writeNpz(path, { x: { data, shape: [count, ...shape] } });
  return path;
}

function readMade({ stdout }: Finished): string[] {
  return quantizedSchema.parse(JSON.parse(stdout)).variants.map(({ name }) => name);
}

/** Reasons by recipe. */
function readRefused({ stdout }: Finished): Map<string, string> {
  const { refused } = quantizedSchema.parse(JSON.parse(stdout));
  return new Map(refused.map(({ recipe, message, hint = '' }) => [recipe, `${message} ${hint}`]));
}

/** Loads a file as a device would and runs it on inputs that are made up, of the first size that it takes. */
async function runFile(path: string): Promise<void> {
  await using child = new OrtChild();
  const metadata = await child.open({ path, optimisation: 'all' });
  const failures: string[] = [];
  for (const size of openSizes) {
    const outputs = await child.run(madeUp(metadata, size)).catch((error: Error) => {
      failures.push(error.message);
    });
    if (!outputs) continue;
    for (const [name, { data }] of Object.entries(outputs))
      assert.ok([...data].every(isNumber), `${basename(path)}: output ${name} is not finite`);
    return;
  }
  assert.fail(`${basename(path)} takes no inputs: ${failures.join('; ')}`);
}

function isNumber(value: number | bigint): boolean {
  return typeof value === 'bigint' || Number.isFinite(value);
}

/**
 * The batch is 1 wherever its name stands (silero has it in the middle of its state); a sampling rate is the only whole
 * number that the models take.
 */
function madeUp({ inputs, outputs }: SessionMetadata, size: number): Feeds {
  const batches = new Set(inputs.map(({ shape }) => shape[0]).filter((first) => typeof first === 'string'));
  const closed = inputs.map((input) => ({
    ...input,
    shape: input.shape.map((each) => (typeof each === 'string' && batches.has(each) ? 1 : each)),
  }));
  const feeds = Object.entries(generateInputs({ inputs: closed, outputs }, size));
  return Object.fromEntries(
    feeds.map(([name, tensor]): [string, TensorMessage] =>
      tensor.elementType === 'int64'
        ? [name, { ...tensor, data: BigInt64Array.from(tensor.data as BigInt64Array, () => 16_000n) }]
        : [name, tensor],
    ),
  );
}
