import type { Random } from './create-random.ts';
import { drawWarp } from './draw-warp.ts';

/** Height and width of every image, pixels. */
export const IMAGE_SIZE_PX = 32;

const PIXELS = IMAGE_SIZE_PX * IMAGE_SIZE_PX;
const STROKE_HALF_WIDTH_PX = { low: 0.7, high: 1.5 } as const;
/** Farther from every stroke than any pixel can be, squared. */
const FAR_SQUARED = 1e6;

/**
 * Ink of one randomly placed glyph: float64 `[32, 32]`, row-major, 0 (no ink) … 1 (covered). `strokes` are flattened
 * points in glyph units. A pixel's ink falls from 1 to 0 over the one pixel around the stroke's edge, measured from
 * the pixel's centre to the nearest stroke, so that crossing strokes do not darken each other.
 */
export function drawGlyph(strokes: readonly (readonly number[])[], random: Random): Float64Array {
  const warp = drawWarp(random);
  const reachPx = random.drawBetween(STROKE_HALF_WIDTH_PX) + 0.5;
  const ink = new Float64Array(PIXELS).fill(FAR_SQUARED);
  for (const points of strokes) {
    let from = warp(points[0] ?? 0, points[1] ?? 0);
    for (let at = 2; at < points.length; at += 2) {
      const to = warp(points[at] ?? 0, points[at + 1] ?? 0);
      lowerDistances(ink, { fromX: from.x, fromY: from.y, toX: to.x, toY: to.y, reachPx });
      from = to;
    }
  }
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    ink[pixel] = Math.min(1, Math.max(0, reachPx - Math.sqrt(ink[pixel] as number)));
  }
  return ink;
}

interface Segment {
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
  readonly reachPx: number;
}

/** Lowers each squared distance (pixels²) to that of this segment, within the box that the segment can reach. */
function lowerDistances(distances: Float64Array, { fromX, fromY, toX, toY, reachPx }: Segment): void {
  const [dx, dy] = [toX - fromX, toY - fromY];
  const lengthSquared = dx * dx + dy * dy;
  const perLength = lengthSquared > 0 ? 1 / lengthSquared : 0;
  const left = clampToImage(Math.floor(Math.min(fromX, toX) - reachPx));
  const right = clampToImage(Math.ceil(Math.max(fromX, toX) + reachPx));
  const top = clampToImage(Math.floor(Math.min(fromY, toY) - reachPx));
  const bottom = clampToImage(Math.ceil(Math.max(fromY, toY) + reachPx));

  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const [px, py] = [x + 0.5 - fromX, y + 0.5 - fromY];
      const along = Math.min(1, Math.max(0, (px * dx + py * dy) * perLength));
      const [awayX, awayY] = [px - along * dx, py - along * dy];
      const squared = awayX * awayX + awayY * awayY;
      const pixel = y * IMAGE_SIZE_PX + x;
      if (squared < (distances[pixel] as number)) distances[pixel] = squared;
    }
  }
}

function clampToImage(edgePx: number): number {
  return Math.min(IMAGE_SIZE_PX, Math.max(0, edgePx));
}
