/** Bound on the tensors that leave ONNX Runtime at once, bytes of float32. */
export const maxExposedBytes = 32 * 2 ** 20;

/** Consecutive items in groups of at most so much size, one item at least. */
export function groupBySize<T>(items: readonly T[], sizeOf: (item: T) => number, most: number): T[][] {
  const groups: T[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const item of items) {
    if (size + sizeOf(item) > most) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(item);
    size += sizeOf(item);
  }
  return groups;
}
