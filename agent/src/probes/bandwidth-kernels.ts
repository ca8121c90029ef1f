/** The kernels in the order of one iteration, which is STREAM's, with the read-only one after. */
export const bandwidthKernels = ['copy', 'scale', 'add', 'triad', 'read'] as const;

export type BandwidthKernel = (typeof bandwidthKernels)[number];

/**
 * Bytes counted per element of float64: what the program reads and writes, by STREAM's convention (McCalpin,
 * `stream.c` 5.10). The hardware moves more where a store first fetches its line: 3/2 of copy and scale, 4/3 of
 * add and triad. The read-only kernel has no such ambiguity.
 */
export const bytesPerElement: Readonly<Record<BandwidthKernel, number>> = {
  copy: 16,
  scale: 16,
  add: 24,
  triad: 24,
  read: 8,
};

/** Bytes of one element: float64. */
export const elementBytes = 8;
