import type { Random } from '@qfleet/shared/random.ts';

/** Distance of two nodes: the cache line of every processor that qfleet meets. */
export const lineBytes = 64;

/**
 * Writes one random cycle through all lines of a working set: the first word of every line holds the byte
 * address of the next. `words` is memory from address 0, `workingSetBytes` a multiple of 64. Sattolo's algorithm:
 * a random permutation that is a single cycle, so that the chase meets every line, in an order that no prefetcher
 * foresees.
 */
export function writeCycle(words: Uint32Array, workingSetBytes: number, random: Random): void {
  const nodes = workingSetBytes / lineBytes;
  for (let node = 0; node < nodes; node++) words[node * wordsPerLine] = node * lineBytes;
  for (let node = nodes - 1; node > 0; node--) {
    const other = random.below(node) * wordsPerLine;
    const own = node * wordsPerLine;
    const address = words[own]!;
    words[own] = words[other]!;
    words[other] = address;
  }
}

const wordsPerLine = lineBytes / 4;
