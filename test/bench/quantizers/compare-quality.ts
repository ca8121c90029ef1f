/**
 * What quantizing costs a network with qfleet and with Python's onnxruntime.quantization: both calibrate on the
 * same images, all files run on the same other images in the same onnxruntime-node.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { InputContract } from '@qfleet/shared/inputs/input-contract.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { writeNpz } from '../../../coordinator/src/cli/demo/write-npz.ts';
import { OrtChild } from '../../../coordinator/src/ort/ort-child.ts';
import {
  type ComparisonModel,
  comparisonModels,
  contractOf,
  qfleetPath,
  scalingArguments,
} from './comparison-model.ts';
import { drawImages, type Images } from './draw-images.ts';
import { evaluateFile } from './evaluate-file.ts';
import { findReferenceQuantizer } from './find-reference-quantizer.ts';
import { type BestComparison, type FileQuality, formatQuality, type ModelQuality } from './format-quality.ts';
import { agreement, compareQuality, judgeOutputs, type OutputQuality, sqnrDb } from './output-quality.ts';
import { type ReferenceSettings, runReferenceQuantizer } from './run-reference-quantizer.ts';

const execute = promisify(execFile);

/**
 * Histograms are filled in strides, for all activations of a stride are in memory at once: 1.6 GB for 16 images
 * of MobileNetV2. Entropy's 128 bins also become more only from one stride to the next, so that without strides
 * its range is that of MinMax.
 */
const stride = 16;
const referenceSettings: Readonly<Record<string, ReferenceSettings>> = {
  MinMax: { method: 'MinMax', perChannel: true },
  Entropy: { method: 'Entropy', perChannel: true, stride },
  'Percentile 99.999': { method: 'Percentile', percentile: 99.999, perChannel: true, stride },
  'Percentile 99.99': { method: 'Percentile', percentile: 99.99, perChannel: true, stride },
};

const usage = `node test/bench/quantizers/compare-quality.ts [options]
  --models a,b        of ${comparisonModels.map(({ name }) => name).join(', ')}
  --recipes a,b       of qfleet (int8-per-channel)
  --images N          to evaluate on (500)
  --calibration N     images to calibrate with, a multiple of ${stride} (128)
  --seed N            of the choice of images and of intervals (1)
  --json FILE         where the figures go too
`;

const { values: options } = parseArgs({
  options: {
    models: { type: 'string' },
    recipes: { type: 'string', default: 'int8-per-channel' },
    images: { type: 'string', default: '500' },
    calibration: { type: 'string', default: '128' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});

const cache = join(tmpdir(), 'qfleet-compare-quality');
const recipes = options.recipes.split(',');
const seed = Number(options.seed);

if (options.help) process.stdout.write(usage);
else await compareAll();

async function compareAll(): Promise<void> {
  const reference = await findReferenceQuantizer();
  if (!reference.available) throw new Error(`There is nothing to compare with: ${reference.reason}.`);
  await mkdir(cache, { recursive: true });
  const names = options.models?.split(',') ?? comparisonModels.map(({ name }) => name);
  const models: ModelQuality[] = [];
  for (const name of names) models.push(await compareOn(findModel(name), reference));
  const json = { schema: 'qfleet.quantizer-quality/1', onnxruntime: reference.version, seed, models };
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(json, null, 2)}\n`);
  process.stdout.write(formatQuality(models));
}

function findModel(name: string): ComparisonModel {
  const found = comparisonModels.find((model) => model.name === name);
  if (!found) throw new Error(`no model "${name}"\n${usage}`);
  return found;
}

interface Reference {
  readonly python: string;
  readonly version: string;
}

async function compareOn(model: ComparisonModel, reference: Reference): Promise<ModelQuality> {
  progress(model, 'images');
  const contract = await contractOf(model);
  const { height, width, resize, filter } = contract;
  const drawn = await drawImages(model.images, {
    calibration: Number(options.calibration),
    evaluation: Number(options.images),
    target: { height, width, resize, filter, channels: contract.channels === 'gray' ? 'gray' : 'RGB' },
    seed,
  });
  const images = await writeImages(drawn.calibration);
  const files = [
    ...(await quantizeByUs(model, images)),
    ...(await quantizeByReference(model, { ...reference, contract, images })),
  ];
  progress(model, 'evaluating');
  await using child = new OrtChild();
  const expected = await evaluateFile(child, model.path, drawn.evaluation, contract);
  const qualities = new Map<QuantizedFile, OutputQuality>();
  for (const file of files) {
    progress(model, `evaluating ${file.name}`);
    qualities.set(
      file,
      judgeOutputs(expected, await evaluateFile(child, file.path, drawn.evaluation, contract)),
    );
  }
  return {
    model: model.name,
    images: drawn.evaluation.count,
    calibrationImages: drawn.calibration.count,
    files: [...qualities].map(([{ quantizer, name }, quality]) => ({
      quantizer,
      name,
      sqnrDb: sqnrDb(quality),
      agreement: agreement(quality),
    })),
    comparisons: compareWithBest(qualities),
  };
}

interface QuantizedFile extends Pick<FileQuality, 'quantizer' | 'name'> {
  readonly path: string;
}

interface ImageFile {
  readonly path: string;
  readonly digest: string;
}

async function writeImages({ pixels, count, shape }: Images): Promise<ImageFile> {
  const digest = digestBytes(pixels);
  const path = join(cache, `${digest.replace(/^.*:/, '').slice(0, 16)}.npz`);
  await writeNpz(path, { images: { data: pixels, shape: [count, ...shape] } });
  return { path, digest };
}

async function quantizeByUs(model: ComparisonModel, images: ImageFile): Promise<QuantizedFile[]> {
  progress(model, `qfleet ${recipes.join(', ')}`);
  const out = join(cache, `qfleet-${model.name}`);
  await execute(process.execPath, [
    ...[qfleetPath, 'quantize', model.path, '--out', out, '--recipe', recipes.join(',')],
    ...['--calibration', images.path, ...scalingArguments(model)],
  ]);
  return recipes.map((name) => ({ quantizer: 'qfleet', name, path: join(out, `${name}.onnx`) }));
}

async function quantizeByReference(
  model: ComparisonModel,
  { python, version, contract, images }: Reference & { contract: InputContract; images: ImageFile },
): Promise<QuantizedFile[]> {
  const files: QuantizedFile[] = [];
  const modelDigest = digestBytes(await readFile(model.path));
  for (const [name, settings] of Object.entries(referenceSettings)) {
    const key = digestBytes(canonicalJson([modelDigest, images.digest, contract, settings, version]));
    const path = join(cache, `${model.name}-${key.replace(/^.*:/, '').slice(0, 16)}.onnx`);
    files.push({ quantizer: 'onnxruntime', name, path });
    if (existsSync(path)) continue;
    progress(model, `onnxruntime ${name}`);
    const outPath = `${path}.part`;
    await runReferenceQuantizer(python, {
      modelPath: model.path,
      imagesPath: images.path,
      contract,
      outPath,
      settings,
    });
    await rename(outPath, path);
  }
  return files;
}

/** The reference's best is chosen on the images that it is judged by, which favours it. */
function compareWithBest(qualities: ReadonlyMap<QuantizedFile, OutputQuality>): BestComparison[] {
  const measures = { sqnrDb, agreement };
  const of = (quantizer: string) => [...qualities].filter(([file]) => file.quantizer === quantizer);
  return of('qfleet').flatMap(([{ name: recipe }, ours]) =>
    (['sqnrDb', 'agreement'] as const).map((measure) => {
      const value = measures[measure];
      const [best, theirs] = of('onnxruntime').sort((a, b) => value(b[1]) - value(a[1]))[0]!;
      const difference = compareQuality(value, { ours, theirs }, createRandom(seed));
      return { recipe, measure, best: best.name, difference };
    }),
  );
}

function progress(model: ComparisonModel, step: string): void {
  process.stderr.write(`${model.name}: ${step}\n`);
}
