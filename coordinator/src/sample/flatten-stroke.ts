import { computeCosine, computeSine } from './compute-sine.ts';
import type { ArcStroke, LineStroke, Stroke } from './glyph-classes.ts';

const SEGMENTS_PER_TURN = 20;
const SEGMENTS_PER_UNIT = 3;

/**
 * The stroke as points `[x, y, x, y, …]` in glyph units, close enough together that bending the points bends the
 * stroke: 20 segments in a full circle, 3 in a unit of straight line, never fewer than one.
 */
export function flattenStroke(stroke: Stroke): number[] {
  return stroke.kind === 'arc' ? flattenArc(stroke) : divideLine(stroke);
}

function flattenArc(arc: ArcStroke): number[] {
  const sweepTurns = arc.toTurns - arc.fromTurns;
  const segments = Math.ceil(sweepTurns * SEGMENTS_PER_TURN);
  const points: number[] = [];
  for (let step = 0; step <= segments; step++) {
    const turns = arc.fromTurns + (sweepTurns * step) / segments;
    points.push(
      arc.centreX + arc.radiusX * computeCosine(turns),
      arc.centreY + arc.radiusY * computeSine(turns),
    );
  }
  return points;
}

function divideLine({ points }: LineStroke): number[] {
  const divided: number[] = points.slice(0, 2);
  for (let at = 2; at < points.length; at += 2) {
    const [fromX = 0, fromY = 0, toX = 0, toY = 0] = points.slice(at - 2, at + 2);
    const [dx, dy] = [toX - fromX, toY - fromY];
    const segments = Math.max(1, Math.ceil(Math.sqrt(dx * dx + dy * dy) * SEGMENTS_PER_UNIT));
    for (let step = 1; step <= segments; step++) {
      divided.push(fromX + (dx * step) / segments, fromY + (dy * step) / segments);
    }
  }
  return divided;
}
