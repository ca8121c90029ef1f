import { createRandom, shuffle } from '@qfleet/shared/random.ts';
import { channelCount } from '../../../coordinator/src/artefacts/fit-items.ts';
import { convertImage, type ImageTarget } from '../../../coordinator/src/artefacts/images/convert-image.ts';
import { defaultImportLimits } from '../../../coordinator/src/artefacts/import-limits.ts';
import type { RawItem } from '../../../coordinator/src/artefacts/readers/item-reader.ts';
import { openDataset } from '../../../coordinator/src/artefacts/readers/open-dataset.ts';
import { makeGlyphSet } from '../../../coordinator/src/sample/make-glyph-set.ts';

export type ImageSource =
  | { readonly kind: 'dataset'; readonly path: string; readonly count: number }
  | { readonly kind: 'glyphs' };

export interface Images {
  /** uint8 [count, height, width, channels]. */
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly shape: readonly [height: number, width: number, channels: number];
}

export interface DrawnImages {
  readonly calibration: Images;
  /** None of them is among those for calibration. */
  readonly evaluation: Images;
}

interface DrawOrder {
  readonly calibration: number;
  readonly evaluation: number;
  readonly target: ImageTarget;
  readonly seed: number;
}

/** Images at random places of a dataset, in the size that a model takes; equal orders draw the same. */
export async function drawImages(source: ImageSource, order: DrawOrder): Promise<DrawnImages> {
  const wanted = order.calibration + order.evaluation;
  const all =
    source.kind === 'glyphs' ? drawGlyphs(wanted, order.seed) : await drawItems(source, wanted, order);
  return {
    calibration: slice(all, 0, order.calibration),
    evaluation: slice(all, order.calibration, wanted),
  };
}

function drawGlyphs(count: number, seed: number): Images {
  const { images, height, width, channels } = makeGlyphSet({ seed: 1000 + seed, count });
  return { pixels: images, count, shape: [height, width, channels] };
}

async function drawItems(
  source: Extract<ImageSource, { kind: 'dataset' }>,
  wanted: number,
  { target, seed }: DrawOrder,
): Promise<Images> {
  if (wanted > source.count)
    throw new RangeError(`${source.path} has ${source.count} images, not ${wanted}.`);
  const places = shuffle([...Array(source.count).keys()], createRandom(seed)).slice(0, wanted);
  const slots = new Map(places.map((place, slot) => [place, slot]));
  const shape = [target.height, target.width, channelCount(target)] as const;
  const sizeBytes = shape[0] * shape[1] * shape[2];
  const pixels = new Uint8Array(wanted * sizeBytes);
  const options = { limits: defaultImportLimits, parallelism: 2, note: () => undefined };
  let place = 0;
  for await (const item of (await openDataset(source.path, options)).items) {
    const slot = slots.get(place++);
    if (slot !== undefined) pixels.set(await fit(item, target), slot * sizeBytes);
  }
  return { pixels, count: wanted, shape };
}

async function fit({ bytes, shape }: RawItem, target: ImageTarget): Promise<Uint8Array> {
  const [height = 0, width = 0, channels = 1] = shape;
  return await convertImage({ bytes, height, width, channels: channels === 3 ? 3 : 1 }, target);
}

function slice({ pixels, shape }: Images, from: number, to: number): Images {
  const sizeBytes = shape[0] * shape[1] * shape[2];
  return { pixels: pixels.subarray(from * sizeBytes, to * sizeBytes), count: to - from, shape };
}
