import { incompleteBeta } from './incomplete-beta.ts';
import { logGamma } from './log-gamma.ts';

/** Distribution function of Student's t with `freedom` degrees of freedom (any number > 0). */
export function studentTCumulative(t: number, freedom: number): number {
  const tail = 0.5 * incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
  return t > 0 ? 1 - tail : tail;
}

/** Quantiles that were worked out: of whole degrees of freedom thousands of intervals take the same few. */
const known = new Map<string, number>();

/** Quantile of Student's t, 0 < p < 1. */
export function studentTQuantile(p: number, freedom: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`Expected 0 < p < 1, got ${p}.`);
  if (p === 0.5) return 0;
  if (p < 0.5) return -studentTQuantile(1 - p, freedom);
  if (!Number.isInteger(freedom)) return upperQuantile(p, freedom);
  const key = `${p} ${freedom}`;
  const found = known.get(key) ?? upperQuantile(p, freedom);
  known.set(key, found);
  return found;
}

/** p > 0.5, by Newton's method on the distribution function, kept within a bracket. */
function upperQuantile(p: number, freedom: number): number {
  let high = 1;
  while (studentTCumulative(high, freedom) < p) high *= 2;
  let low = high === 1 ? 0 : high / 2;
  let t = (low + high) / 2;
  const logScale = logGamma((freedom + 1) / 2) - logGamma(freedom / 2) - 0.5 * Math.log(freedom * Math.PI);
  for (let i = 0; i < 100 && low < t && t < high; i++) {
    const excess = studentTCumulative(t, freedom) - p;
    if (excess < 0) low = t;
    else high = t;
    const density = Math.exp(logScale - ((freedom + 1) / 2) * Math.log1p((t * t) / freedom));
    const next = t - excess / density;
    if (Math.abs(next - t) <= 1e-15 * t) return next;
    t = low < next && next < high ? next : (low + high) / 2;
  }
  return t;
}
