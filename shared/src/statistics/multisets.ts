/** One way to draw `n` of `n` units with repetition, orders taken together. */
export interface Multiset {
  /** Indices of the units drawn, ascending; reused by the next one. */
  readonly drawn: Uint32Array;
  /** Probability that a random draw is this one; all together are 1. */
  readonly probability: number;
}

/** How many there are: C(2n − 1, n). 462 for six units, 6,435 for eight. */
export function countMultisets(n: number): number {
  let count = 1;
  for (let i = 1; i <= n; i++) count = (count * (n - 1 + i)) / i;
  return Math.round(count);
}

/** Every one of them, once: n! / ∏ cᵢ! / nⁿ is the probability of drawing unit i cᵢ times. */
export function* multisets(n: number): Generator<Multiset> {
  const drawn = new Uint32Array(n);
  const all = factorial(n) / n ** n;
  for (;;) {
    yield { drawn, probability: all / repetitions(drawn) };
    // The next one in lexical order: raise the last that can be, and all after it to the same.
    let last = n - 1;
    while (last >= 0 && drawn[last] === n - 1) last--;
    if (last < 0) return;
    drawn.fill(drawn[last]! + 1, last);
  }
}

/** ∏ cᵢ! over the lengths of runs. */
function repetitions(drawn: Uint32Array): number {
  let product = 1;
  let run = 1;
  for (let i = 1; i < drawn.length; i++) {
    run = drawn[i] === drawn[i - 1] ? run + 1 : 1;
    product *= run;
  }
  return product;
}

function factorial(n: number): number {
  let product = 1;
  for (let i = 2; i <= n; i++) product *= i;
  return product;
}
