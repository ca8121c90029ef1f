import { computeCosine, computeSine } from './compute-sine.ts';
import type { Random } from './create-random.ts';

/** Moves a point of the glyph (glyph units) to its place in the image (pixels, origin at the top left corner). */
export type Warp = (x: number, y: number) => { readonly x: number; readonly y: number };

/** How far one glyph may be from upright, centred and straight. Lengths are pixels of a 32-pixel image. */
const LIMITS = {
  rotationTurns: 0.07,
  scalePx: { low: 6, high: 11.5 },
  aspect: { low: 0.8, high: 1.25 },
  shear: 0.3,
  bend: 0.17,
  shiftPx: 3,
} as const;

const CENTRE_PX = 16;

/**
 * Draws a random affine map (size, aspect, shear, rotation, shift) preceded by a slight bend. The bend is quadratic in
 * the coordinates, so straight strokes come out as the curves a hand would make.
 */
export function drawWarp(random: Random): Warp {
  const around = (limit: number): number => random.drawBetween({ low: -limit, high: limit });
  const [bendX, bendY, twistX, twistY] = [
    around(LIMITS.bend),
    around(LIMITS.bend),
    around(LIMITS.bend),
    around(LIMITS.bend),
  ];
  const scalePx = random.drawBetween(LIMITS.scalePx);
  const aspect = Math.sqrt(random.drawBetween(LIMITS.aspect));
  const shear = around(LIMITS.shear);
  const turns = around(LIMITS.rotationTurns);
  const [cosine, sine] = [computeCosine(turns), computeSine(turns)];
  const [shiftX, shiftY] = [around(LIMITS.shiftPx), around(LIMITS.shiftPx)];

  return (x, y) => {
    const bentX = x + bendX * y * y + twistX * x * y;
    const bentY = y + bendY * x * x + twistY * x * y;
    const wide = (bentX + shear * bentY) * aspect;
    const tall = bentY / aspect;
    return {
      x: CENTRE_PX + shiftX + scalePx * (cosine * wide - sine * tall),
      y: CENTRE_PX + shiftY + scalePx * (sine * wide + cosine * tall),
    };
  };
}
