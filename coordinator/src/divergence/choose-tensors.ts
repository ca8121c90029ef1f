import type { InnerTensor } from './list-tensors.ts';

/** Tensors, in order, that were found equal or different already, by their place in the list. */
export type Known = ReadonlyMap<number, boolean>;

/** What to look at next. */
export interface Choice {
  /** Places in the list; empty where the first difference is known. */
  readonly next: readonly number[];
  /** The first tensor that differs, as far as is known; undefined where none of those looked at does. */
  readonly first: number | undefined;
}

/**
 * A bisection that looks at as many tensors at a time as fit in `maxElements` for one input, spread evenly: between the
 * last one known to be equal and the first known to differ. Differences may vanish again (a Relu, a rounding), so the
 * first is that of the narrowest interval that was looked at, which is exact wherever all fit at once.
 */
export function chooseTensors(tensors: readonly InnerTensor[], known: Known, maxElements: number): Choice {
  const differing = [...known].filter(([, differs]) => differs).map(([place]) => place);
  const first = differing.length > 0 ? Math.min(...differing) : undefined;
  const equalBefore = [...known]
    .filter(([place, differs]) => !differs && place < (first ?? Number.POSITIVE_INFINITY))
    .map(([place]) => place);
  const from = equalBefore.length > 0 && first !== undefined ? Math.max(...equalBefore) + 1 : 0;
  const candidates = tensors
    .map((_, place) => place)
    .filter((place) => place >= from && place < (first ?? tensors.length) && !known.has(place));
  return { next: spread(candidates, tensors, maxElements), first };
}

/** As many of them, evenly, as fit; at least one. */
function spread(
  candidates: readonly number[],
  tensors: readonly InnerTensor[],
  maxElements: number,
): number[] {
  const sizeOf = (places: readonly number[]): number =>
    places.reduce((sum, place) => sum + tensors[place]!.elements, 0);
  for (let count = candidates.length; count > 1; count = Math.ceil(count / 2)) {
    const chosen = evenly(candidates, count);
    if (sizeOf(chosen) <= maxElements) return chosen;
    if (count === 2) break;
  }
  return candidates.length > 0 ? evenly(candidates, 1) : [];
}

/** `count` of them in equal distances, the middle where it is one. */
function evenly(candidates: readonly number[], count: number): number[] {
  const at = (i: number): number => Math.floor(((i + 0.5) * candidates.length) / count);
  return [...new Set(Array.from({ length: count }, (_, i) => candidates[at(i)]!))];
}
