/** Density of the standard normal distribution. */
function density(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/**
 * Distribution function of the standard normal distribution. Near the centre by Marsaglia's series
 * Φ(x) = ½ + φ(x)(x + x³/3 + x⁵/15 + …) (J. Stat. Softw. 11(4), 2004), in the tails by Laplace's continued
 * fraction of Mills' ratio.
 */
export function normalCumulative(x: number): number {
  if (x > 0) return 1 - normalCumulative(-x);
  if (x < -38.5) return 0;
  if (x < -4) return density(x) * millsRatio(-x);
  let term = x;
  let sum = x;
  for (let k = 3; Math.abs(term) > 1e-18 && k < 400; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + density(x) * sum;
}

/** Quantile of the standard normal distribution, 0 < p < 1, by bisection of its distribution function. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`Expected 0 < p < 1, got ${p}.`);
  if (p > 0.5) return -normalQuantile(1 - p);
  let low = -39;
  let high = 0;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (normalCumulative(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** (1 − Φ(x)) / φ(x) for x ≥ 4, evaluated from the inside of the fraction 1/(x + 1/(x + 2/(x + 3/…))). */
function millsRatio(x: number): number {
  let tail = x;
  for (let k = 120; k >= 1; k--) tail = x + k / tail;
  return 1 / tail;
}
