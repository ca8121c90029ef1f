import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseTensors } from './choose-tensors.ts';

const tensors = (sizes: readonly number[]) =>
  sizes.map((elements, i) => ({ name: `t${i}`, operator: 'Conv', elements }));

/** Looks until the first difference is known; every tensor from `firstDifferent` on differs. */
function search(sizes: readonly number[], firstDifferent: number, maxElements: number) {
  const known = new Map<number, boolean>();
  const looks: number[][] = [];
  for (;;) {
    const { next, first } = chooseTensors(tensors(sizes), known, maxElements);
    if (next.length === 0) return { first, looks };
    looks.push([...next]);
    for (const place of next) known.set(place, place >= firstDifferent);
  }
}

test('where all fit, one look finds the first', () => {
  assert.deepEqual(search([1, 1, 1, 1], 2, 100), { first: 2, looks: [[0, 1, 2, 3]] });
  assert.deepEqual(search([1, 1], 2, 100), { first: undefined, looks: [[0, 1]] });
});

test('whatever the sizes, the first of a difference that stays is found, and no look is larger than allowed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 60 }),
      fc.nat(60),
      fc.integer({ min: 50, max: 300 }),
      (sizes, at, maxElements) => {
        const { first, looks } = search(sizes, at, maxElements);
        assert.equal(first, at < sizes.length ? at : undefined);
        for (const look of looks) {
          assert.ok(look.reduce((sum, place) => sum + sizes[place]!, 0) <= maxElements);
        }
      },
    ),
  );
});
