/** Points joined by straight lines, `[x, y, x, y, …]` in glyph units: −1…1, x to the right, y down. */
export interface LineStroke {
  readonly kind: 'line';
  readonly points: readonly number[];
}

/** Part of an ellipse, from one angle to another in turns: 0 is to the right and angles grow clockwise. */
export interface ArcStroke {
  readonly kind: 'arc';
  readonly centreX: number;
  readonly centreY: number;
  readonly radiusX: number;
  readonly radiusY: number;
  readonly fromTurns: number;
  readonly toTurns: number;
}

export type Stroke = LineStroke | ArcStroke;

/** One class of the sample: its name and the strokes that draw it. */
export interface GlyphClass {
  readonly name: string;
  readonly strokes: readonly Stroke[];
}

/**
 * The 24 classes; a class's label is its place in this list. They come in families whose members differ in one small
 * part (a dot, a bar, a gap), so that an error in a few channels of a network can change its answer.
 */
export const GLYPH_CLASSES: readonly GlyphClass[] = [
  { name: 'ring', strokes: [ring()] },
  { name: 'ring-dot', strokes: [ring(), dot(0, 0)] },
  { name: 'ring-bar', strokes: [ring(), line(-0.9, 0, 0.9, 0)] },
  { name: 'ring-cross', strokes: [ring(), line(-0.9, 0, 0.9, 0), line(0, -0.9, 0, 0.9)] },
  { name: 'ring-gap', strokes: [arc(0, 0, 0.9, 0.08, 0.92)] },
  { name: 'ring-tail', strokes: [ring(), line(0.3, 0.3, 0.95, 0.95)] },
  { name: 'square', strokes: [square()] },
  { name: 'square-dot', strokes: [square(), dot(0, 0)] },
  { name: 'square-bar', strokes: [square(), line(-0.85, 0, 0.85, 0)] },
  { name: 'square-slash', strokes: [square(), line(-0.85, 0.85, 0.85, -0.85)] },
  { name: 'square-open', strokes: [line(-0.85, -0.85, -0.85, 0.85, 0.85, 0.85, 0.85, -0.85)] },
  { name: 'triangle', strokes: [triangle()] },
  { name: 'triangle-dot', strokes: [triangle(), dot(0, 0.3)] },
  { name: 'triangle-bar', strokes: [triangle(), line(-0.5, 0.1, 0.5, 0.1)] },
  { name: 'plus', strokes: [line(-0.95, 0, 0.95, 0), line(0, -0.95, 0, 0.95)] },
  {
    name: 'plus-foot',
    strokes: [line(-0.95, 0, 0.95, 0), line(0, -0.95, 0, 0.95), line(-0.5, 0.95, 0.5, 0.95)],
  },
  { name: 'ex', strokes: [line(-0.85, -0.85, 0.85, 0.85), line(-0.85, 0.85, 0.85, -0.85)] },
  { name: 'ex-roof', strokes: [line(-0.85, 0.85, 0.85, -0.85, -0.85, -0.85, 0.85, 0.85)] },
  { name: 'tee', strokes: [line(-0.85, -0.85, 0.85, -0.85), line(0, -0.85, 0, 0.95)] },
  { name: 'arrow', strokes: [line(0, 0.95, 0, -0.95), line(-0.6, -0.35, 0, -0.95, 0.6, -0.35)] },
  { name: 'fork', strokes: [line(0, 0.95, 0, -0.95), line(-0.6, -0.95, 0, -0.35, 0.6, -0.95)] },
  { name: 'zed', strokes: [line(-0.75, -0.9, 0.75, -0.9, -0.75, 0.9, 0.75, 0.9)] },
  { name: 'two', strokes: [arc(0, -0.35, 0.6, 0.5, 1.08), line(0.53, -0.06, -0.7, 0.9, 0.75, 0.9)] },
  { name: 'three', strokes: [arc(0, -0.46, 0.46, 0.5, 1.25), arc(0, 0.46, 0.46, 0.75, 1.5)] },
];

function line(...points: readonly number[]): LineStroke {
  return { kind: 'line', points };
}

function arc(
  centreX: number,
  centreY: number,
  radius: number,
  fromTurns: number,
  toTurns: number,
): ArcStroke {
  return { kind: 'arc', centreX, centreY, radiusX: radius, radiusY: radius, fromTurns, toTurns };
}

function ring(): ArcStroke {
  return arc(0, 0, 0.9, 0, 1);
}

function square(): LineStroke {
  return line(-0.85, -0.85, 0.85, -0.85, 0.85, 0.85, -0.85, 0.85, -0.85, -0.85);
}

function triangle(): LineStroke {
  return line(0, -0.95, 0.9, 0.75, -0.9, 0.75, 0, -0.95);
}

function dot(x: number, y: number): LineStroke {
  return line(x - 0.08, y, x + 0.08, y);
}
