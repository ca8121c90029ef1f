import { QfleetError } from '@qfleet/shared/errors.ts';
import type { TensorSlot } from '../backends/backend.ts';

export interface DimensionSizes {
  /** Sizes of open dimensions, by name or by place: `height`, or `x[2]` for the third dimension of input x. */
  readonly dimensions: Readonly<Record<string, number>>;
  readonly batch: number;
}

/**
 * Concrete dimensions of an input: open ones as given, else `batch` for the first and 1 for the rest. Throws
 * `shape-mismatch` where the model's batch is fixed at another size, `unsupported` for inputs that are no tensors.
 */
export function resolveDims(slot: TensorSlot, sizes: DimensionSizes): number[] {
  if (slot.elementType === 'non-tensor') {
    throw new QfleetError(
      'unsupported',
      `Input "${slot.name}" is a sequence or map; only tensors can be fed.`,
    );
  }
  const dims = (slot.shape ?? []).map(
    (dim, index) => knownSize(slot, dim, index, sizes) ?? (index === 0 ? sizes.batch : 1),
  );
  if (sizes.batch > 1 && dims[0] !== sizes.batch) {
    throw new QfleetError(
      'shape-mismatch',
      `Batch ${sizes.batch} is asked for, but input "${slot.name}" has the fixed shape [${slot.shape?.join(', ')}].`,
      { hint: 'Use batch 1, or export the model with a symbolic batch dimension.' },
    );
  }
  return dims;
}

/**
 * Throws `shape-mismatch` where an input leaves a dimension open, the first aside, and no size is given: a size made
 * up would be a silent part of every figure.
 */
export function requireSizes(inputs: readonly TensorSlot[], sizes: DimensionSizes): void {
  const open = inputs.flatMap((slot) =>
    (slot.shape ?? []).flatMap((dim, index) =>
      index > 0 && knownSize(slot, dim, index, sizes) === undefined ? [keyOf(slot, dim, index)] : [],
    ),
  );
  const [first] = open;
  if (first === undefined) return;
  const shapes = inputs.map(({ name, shape }) => `${name} [${shape?.map((dim) => dim || '?').join(', ')}]`);
  throw new QfleetError(
    'shape-mismatch',
    `The model leaves dimensions of its inputs open: ${shapes.join(', ')}. Sizes are missing for ${[...new Set(open)].join(', ')}.`,
    {
      hint: `Give them: bench --dimensions '${first}=224', or in a plan settings: [{dimensions: {"${first}": 224}}].`,
    },
  );
}

function knownSize(
  slot: TensorSlot,
  dim: number | string,
  index: number,
  { dimensions }: DimensionSizes,
): number | undefined {
  if (typeof dim === 'number') return dim;
  const key = [dim, placeOf(slot, index)].find((name) => Object.hasOwn(dimensions, name));
  return key === undefined ? undefined : dimensions[key];
}

/** The name of an open dimension, or its place where it has none. */
function keyOf(slot: TensorSlot, dim: number | string, index: number): string {
  return typeof dim === 'string' && /^[^?]/.test(dim) ? dim : placeOf(slot, index);
}

function placeOf(slot: TensorSlot, index: number): string {
  return `${slot.name}[${index}]`;
}
