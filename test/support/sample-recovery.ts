import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { newcombePaired } from '@qfleet/shared/statistics/newcombe-paired.ts';
import { resolveContract } from '../../coordinator/src/artefacts/input-contract.ts';
import { checkModel } from '../../coordinator/src/ort/check-model.ts';
import { OrtChild } from '../../coordinator/src/ort/ort-child.ts';
import { quantizeModel } from '../../coordinator/src/quantize/quantize-model.ts';
import type { Recipe } from '../../coordinator/src/quantize/recipes/recipe.ts';
import { resolveRecipes } from '../../coordinator/src/quantize/recipes/resolve-recipes.ts';
import { makeGlyphSet } from '../../coordinator/src/sample/make-glyph-set.ts';
import { sampleContract, sampleModel } from './glyph-data.ts';

export interface RecoveryOptions {
  /** By name, or written out. */
  readonly recipes: readonly (string | Recipe)[];
  /** Of the calibration images; not one that the network was trained or is judged with. */
  readonly calibrationSeed: number;
  readonly calibrationCount: number;
  /** Held-out images to judge by. */
  readonly count: number;
}

export interface Loss {
  readonly recipe: string;
  /** Top-1 of the float network less that of the variant, on the same images: percentage points. */
  readonly points: number;
  readonly low: number;
  readonly high: number;
}

/** The seed whose first 10,000 pictures the training held out. */
const heldOutSeed = 2;

/** What recipes cost the sample network, each paired with the float network over the same images. */
export async function measureSampleLosses(options: RecoveryOptions): Promise<Loss[]> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-recovery-'));
  try {
    return await measure(folder, options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(
  folder: string,
  { recipes, calibrationSeed, calibrationCount, count }: RecoveryOptions,
): Promise<Loss[]> {
  const calibration = drawImages(calibrationSeed, calibrationCount);
  const judged = drawImages(heldOutSeed, count);
  const { inputs } = await checkModel(sampleModel);
  const { contract } = resolveContract(JSON.parse(await readFile(sampleContract, 'utf8')), inputs);
  const { variants } = await quantizeModel({
    modelPath: sampleModel,
    outDir: folder,
    contract,
    recipes: resolveRecipes(recipes),
    calibration: {
      datasetDigest: `glyphs ${calibrationSeed}`,
      item: calibration.item,
      itemDigests: calibration.images.map(digestBytes),
      items: async function* () {
        yield* calibration.images;
      },
    },
  });
  await using child = new OrtChild();
  const isRight = async (path: string): Promise<boolean[]> => {
    const { inputs } = await child.open({ path, optimisation: 'all' });
    const right: boolean[] = [];
    for (const [i, raw] of judged.images.entries()) {
      const feed = { raw, item: judged.item, contract, rank: inputs[0]!.shape.length };
      const { logits } = await child.run({ [inputs[0]!.name]: feed });
      const scores = logits!.data as Float32Array;
      right.push(scores.indexOf(Math.max(...scores)) === judged.labels[i]);
    }
    return right;
  };
  const float = await isRight(sampleModel);
  const losses: Loss[] = [];
  for (const { recipe, path } of variants) losses.push({ recipe, ...compare(float, await isRight(path)) });
  return losses;
}

function drawImages(seed: number, count: number) {
  const set = makeGlyphSet({ seed, count });
  const shape = [set.height, set.width, set.channels];
  const size = shape.reduce((product, length) => product * length, 1);
  const images = Array.from({ length: count }, (_, i) => set.images.slice(i * size, (i + 1) * size));
  return { images, labels: set.labels, item: { elementType: 'uint8', shape } };
}

function compare(float: readonly boolean[], variant: readonly boolean[]): Omit<Loss, 'recipe'> {
  const count = (a: boolean, b: boolean): number =>
    float.filter((x, i) => x === a && variant[i] === b).length;
  const { difference, low, high } = newcombePaired({
    bothRight: count(true, true),
    firstOnly: count(true, false),
    secondOnly: count(false, true),
    bothWrong: count(false, false),
  });
  return { points: 100 * difference, low: 100 * low, high: 100 * high };
}
