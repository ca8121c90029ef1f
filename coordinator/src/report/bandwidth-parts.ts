const pattern = /^mem\.bandwidth\.(\w+)\.(1|all)$/;

/** Kernel and threads of a bandwidth quantity such as `mem.bandwidth.triad.all` (the best pass); undefined for any other. */
export function bandwidthParts(quantity: string): { kernel: string; threads: string } | undefined {
  const match = pattern.exec(quantity);
  return match?.[1] !== undefined && match[2] !== undefined
    ? { kernel: match[1], threads: match[2] }
    : undefined;
}
