import { QfleetError } from '@qfleet/shared/errors.ts';
import type { TensorSlot } from '../backends/backend.ts';

export interface DimensionSizes {
  readonly dimensions: Readonly<Record<string, number>>;
  readonly batch: number;
}

/**
 * Concrete dimensions of an input: symbolic ones by name, else `batch` for the first and 1 for the rest. Throws
 * `shape-mismatch` where the model's batch is fixed at another size, `unsupported` for inputs that are no tensors.
 */
export function resolveDims(slot: TensorSlot, sizes: DimensionSizes): number[] {
  if (slot.elementType === 'non-tensor') {
    throw new QfleetError(
      'unsupported',
      `Input "${slot.name}" is a sequence or map; only tensors can be fed.`,
    );
  }
  const dims = (slot.shape ?? []).map((dim, index) => resolveDim(dim, index, sizes));
  if (sizes.batch > 1 && dims[0] !== sizes.batch) {
    throw new QfleetError(
      'shape-mismatch',
      `Batch ${sizes.batch} is asked for, but input "${slot.name}" has the fixed shape [${slot.shape?.join(', ')}].`,
      { hint: 'Use batch 1, or export the model with a symbolic batch dimension.' },
    );
  }
  return dims;
}

function resolveDim(dim: number | string, index: number, { dimensions, batch }: DimensionSizes): number {
  if (typeof dim === 'number') return dim;
  if (Object.hasOwn(dimensions, dim)) return dimensions[dim] ?? 1;
  return index === 0 ? batch : 1;
}
