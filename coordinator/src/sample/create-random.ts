/** A stream of pseudo-random numbers, the same on every machine for the same seed. */
export interface Random {
  /** The next 32 random bits, 0…2^32−1. */
  nextUint32(): number;
  /** Uniform in [low, high). */
  drawBetween(range: { readonly low: number; readonly high: number }): number;
  /** Uniform whole number in 0…bound−1; the bias of taking a remainder is below bound / 2^32. */
  drawBelow(bound: number): number;
}

const UINT32_RANGE = 4294967296;
const WARM_UP_ROUNDS = 12;

/**
 * Opens the stream that `seed` and `stream` (both uint32) name. The generator is sfc32 by Chris Doty-Humphrey
 * (PractRand): three words of state and a counter, only additions, shifts and rotations of 32-bit words, so every
 * engine gives the same bits. `stream` keeps images apart, so that one can be drawn without those before it.
 */
export function createRandom({ seed, stream }: { readonly seed: number; readonly stream: number }): Random {
  let a = seed | 0;
  let b = stream | 0;
  let c = 0x9e3779b9 | 0;
  let counter = 1;

  const nextUint32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < WARM_UP_ROUNDS; round++) nextUint32();

  return {
    nextUint32,
    drawBetween: ({ low, high }) => low + (high - low) * (nextUint32() / UINT32_RANGE),
    drawBelow: (bound) => nextUint32() % bound,
  };
}
