import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestFile } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';
import { taskViewSchema } from '../../api/views/task-view.ts';
import { modelSchema } from '../../artefacts/artefacts.ts';
import { makeGlyphSet } from '../../sample/make-glyph-set.ts';
import type { ApiClient } from '../api-client.ts';
import { say } from '../cli-context.ts';
import { followTask } from '../follow-task.ts';
import { formatBytes } from '../output/format-value.ts';
import type { Demo } from './demo.ts';
import { writeNpz } from './write-npz.ts';

const sampleFile = (name: string): string =>
  fileURLToPath(new URL(`../../../sample/${name}`, import.meta.url));

/** Not among the seeds that the sample network was trained with. */
const seed = 20_000_003;
const calibrationCount = 200;
const evaluationCount = 2000;
const recipes = ['int8-per-tensor', 'int8-per-channel'];

/** Stores the sample's model and pictures and makes its variants; what is there already is found again by its digest. */
export async function addSample(demo: Demo): Promise<{ model: string; dataset: string }> {
  const { context, client } = demo;
  const dataset = await addPictures(demo);
  const model = await addModel(client);
  say(context, `  ${model.name}: ${formatBytes(model.sizeBytes)}; ${evaluationCount} pictures to judge by`);
  const order = { model: model.digest, calibration: dataset, recipes };
  const task = await client.post('/v1/quantize', taskViewSchema, order);
  await followTask(context, client, task.id);
  say(context, `  variants: fp32, ${recipes.join(', ')}`);
  return { model: model.digest, dataset };
}

async function addPictures({ context, client, dataDir }: Demo): Promise<string> {
  const { path, classCount } = await drawPictures(dataDir);
  const digest = await digestFile(path);
  const order = {
    path,
    name: `glyphs-${digest.slice(0, 6)}`,
    split: { calibration: calibrationCount },
    classCount,
  };
  const task = await client.post('/v1/datasets', taskViewSchema, order);
  const { result } = await followTask(context, client, task.id);
  return z.object({ digest: z.string() }).parse(result).digest;
}

async function drawPictures(dataDir: string): Promise<{ path: string; classCount: number }> {
  const folder = join(dataDir, 'sample');
  await mkdir(folder, { recursive: true });
  const count = calibrationCount + evaluationCount;
  const path = join(folder, 'glyphs.npz');
  const set = makeGlyphSet({ seed, count });
  await writeNpz(path, {
    images: { data: set.images, shape: [count, set.height, set.width, set.channels] },
    labels: { data: set.labels, shape: [count] },
  });
  return { path, classCount: set.classNames.length };
}

/** A sample that was trained anew since the last demo gets a name of its own. */
async function addModel(client: ApiClient): Promise<z.infer<typeof modelSchema>> {
  const path = sampleFile('glyphnet.onnx');
  if (!existsSync(path)) {
    throw new QfleetError('not-found', `The sample model is missing: ${path}`, {
      hint: 'Check the project out anew.',
    });
  }
  const contract: unknown = JSON.parse(await readFile(sampleFile('input-contract.json'), 'utf8'));
  const add = (name: string): Promise<z.infer<typeof modelSchema>> =>
    client.post('/v1/models', modelSchema, { path, name, contract });
  return add('glyphnet').catch(async (thrown: unknown) => {
    if (!(thrown instanceof QfleetError) || thrown.code !== 'already-exists') throw thrown;
    return add(`glyphnet-${(await digestFile(path)).slice(0, 6)}`);
  });
}
