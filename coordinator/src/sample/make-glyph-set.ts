import { createRandom, type Random } from './create-random.ts';
import { drawGlyph, IMAGE_SIZE_PX } from './draw-glyph.ts';
import { flattenStroke } from './flatten-stroke.ts';
import { GLYPH_CLASSES } from './glyph-classes.ts';
import { photographInk } from './photograph-ink.ts';

/** Labelled gray pictures of glyphs. */
export interface GlyphSet {
  /** uint8 `[count, height, width, channels]`, row-major, 0 black … 255 white. */
  readonly images: Uint8Array;
  /** uint8 `[count]`: places in `classNames`. */
  readonly labels: Uint8Array;
  readonly classNames: readonly string[];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

const PIXELS = IMAGE_SIZE_PX * IMAGE_SIZE_PX;

/**
 * Draws `count` pictures from `seed` (uint32). The same on every machine, bit for bit: only 32-bit integers and the
 * four operations and square roots of doubles are used, which IEEE 754 rounds exactly. Every run of 24 pictures holds
 * each class once, in random order, so classes are balanced to within one; a shorter set is the beginning of a longer
 * one of the same seed. Throws RangeError when `seed` or `count` is not a whole number in its range.
 */
export function makeGlyphSet({ seed, count }: { readonly seed: number; readonly count: number }): GlyphSet {
  assertUint32('seed', seed);
  assertUint32('count', count);
  const glyphs = GLYPH_CLASSES.map(({ strokes }) => strokes.map(flattenStroke));
  const labels = shuffleLabels(createRandom({ seed, stream: 0 }), { count, classes: glyphs.length });
  const images = new Uint8Array(count * PIXELS);
  for (let index = 0; index < count; index++) {
    const random = createRandom({ seed, stream: index + 1 });
    const ink = drawGlyph(glyphs[labels[index] as number] ?? [], random);
    photographInk(ink, random, { pixels: images, offset: index * PIXELS });
  }
  const classNames = GLYPH_CLASSES.map(({ name }) => name);
  return { images, labels, classNames, height: IMAGE_SIZE_PX, width: IMAGE_SIZE_PX, channels: 1 };
}

/** Fisher–Yates within each run of `classes` labels. */
function shuffleLabels(
  random: Random,
  { count, classes }: { readonly count: number; readonly classes: number },
): Uint8Array {
  const labels = new Uint8Array(Math.ceil(count / classes) * classes);
  for (let start = 0; start < labels.length; start += classes) {
    for (let place = 0; place < classes; place++) {
      const other = random.drawBelow(place + 1);
      labels[start + place] = labels[start + other] as number;
      labels[start + other] = place;
    }
  }
  return labels.slice(0, count);
}

function assertUint32(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return;
  throw new RangeError(`expected ${name} to be a whole number in 0…4294967295, got ${value}`);
}
