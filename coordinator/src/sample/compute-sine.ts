const TAU = 6.283185307179586;

/**
 * Sine of an angle in turns (1 = a full circle), absolute error under 1e-9. A Taylor polynomial up to x^13 after
 * folding to a quarter turn. `Math.sin` may differ in its last bit between engines and their versions, and one bit
 * is enough to change an image's hash; sums and products of doubles may not.
 */
export function computeSine(turns: number): number {
  const signed = turns - Math.floor(turns + 0.5);
  const folded = signed > 0.25 ? 0.5 - signed : signed < -0.25 ? -0.5 - signed : signed;
  const x = TAU * folded;
  const xx = x * x;
  const tail = 1 - (xx / 110) * (1 - xx / 156);
  return x * (1 - (xx / 6) * (1 - (xx / 20) * (1 - (xx / 42) * (1 - (xx / 72) * tail))));
}

/** Cosine of an angle in turns, with the same guarantee as {@link computeSine}. */
export function computeCosine(turns: number): number {
  return computeSine(turns + 0.25);
}
