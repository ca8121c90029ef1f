import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flattenStroke } from './flatten-stroke.ts';
import { GLYPH_CLASSES } from './glyph-classes.ts';

test('the points of an arc lie on its ellipse and reach both ends', () => {
  const points = flattenStroke({
    kind: 'arc',
    centreX: 0.1,
    centreY: -0.2,
    radiusX: 0.5,
    radiusY: 0.25,
    fromTurns: 0,
    toTurns: 0.5,
  });
  for (let at = 0; at < points.length; at += 2) {
    const [x, y] = [((points[at] ?? 0) - 0.1) / 0.5, ((points[at + 1] ?? 0) + 0.2) / 0.25];
    assert.ok(Math.abs(x * x + y * y - 1) < 1e-8);
  }
  assert.ok(Math.abs((points[0] ?? 0) - 0.6) < 1e-8);
  assert.ok(Math.abs((points.at(-2) ?? 0) + 0.4) < 1e-8);
});

test('a line is divided into pieces of a third of a unit or less and keeps its corners', () => {
  const points = flattenStroke({ kind: 'line', points: [-1, 0, 1, 0, 1, 1] });
  assert.equal(points.length / 2, 1 + 6 + 3);
  assert.deepEqual(points.slice(12, 14), [1, 0]);
  assert.deepEqual(points.slice(-2), [1, 1]);
});

test('every stroke of every class stays within the unit square and has two points or more', () => {
  for (const { name, strokes } of GLYPH_CLASSES) {
    for (const points of strokes.map(flattenStroke)) {
      assert.ok(points.length >= 4 && points.every((value) => Math.abs(value) <= 1), name);
    }
  }
});
