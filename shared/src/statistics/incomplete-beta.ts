import { logGamma } from './log-gamma.ts';

const tiny = 1e-300;
const maxIterations = 20_000;

/**
 * Regularised incomplete beta function I_x(a, b), a and b > 0, 0 ≤ x ≤ 1: the distribution function of
 * Beta(a, b). By the continued fraction DLMF 8.17.22, evaluated by Lentz's method as modified by Thompson
 * and Barnett (1986).
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (!(a > 0 && b > 0)) throw new RangeError(`Expected a > 0 and b > 0, got ${a} and ${b}.`);
  if (!(x >= 0 && x <= 1)) throw new RangeError(`Expected 0 ≤ x ≤ 1, got ${x}.`);
  if (x === 0 || x === 1) return x;
  // The fraction converges fast left of the mean; the symmetry I_x(a,b) = 1 − I_{1−x}(b,a) does the rest.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const logFront =
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x) - Math.log(a);
  return Math.exp(logFront) * continuedFraction(x, a, b);
}

/** The x with I_x(a, b) = p, by bisection to the last bit. */
export function inverseIncompleteBeta(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`Expected 0 ≤ p ≤ 1, got ${p}.`);
  let low = 0;
  let high = 1;
  for (let i = 0; i < 1100; i++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (incompleteBeta(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function continuedFraction(x: number, a: number, b: number): number {
  const guard = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= maxIterations; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    const step = d * c;
    result *= step;
    if (Math.abs(step - 1) < 1e-15) return result;
  }
  throw new RangeError(`The incomplete beta function did not converge at x=${x}, a=${a}, b=${b}.`);
}
