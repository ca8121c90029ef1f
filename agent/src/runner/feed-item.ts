import { QfleetError } from '@qfleet/shared/errors.ts';
import type { InputContract__Output } from '@qfleet/shared/gen/qfleet/v1/InputContract.ts';
import { prepareInput } from '@qfleet/shared/inputs/prepare-input.ts';
import { typedArrayFor } from '@qfleet/shared/inputs/typed-array-for.ts';
import type { FeedTensor, TensorSlot } from '../backends/backend.ts';
import type { ItemLayout } from './protocol.ts';
import { type DimensionSizes, resolveDims } from './resolve-dims.ts';

export interface ItemFeed {
  readonly item: ItemLayout;
  readonly contract: InputContract__Output;
  readonly inputs: readonly TensorSlot[];
  readonly sizes: DimensionSizes;
}

/**
 * All input tensors for raw items, one per place in the batch: the items through the input contract, zeros for
 * the model's other inputs. Throws `shape-mismatch` where what the contract gives is not what the model takes.
 */
export function feedItems(raws: readonly Uint8Array[], feed: ItemFeed): Record<string, FeedTensor> {
  const slot = findDataSlot(feed.inputs, feed.contract);
  const prepared = raws.map((raw) => prepareInput(raw, feed.item, feed.contract, slot.shape?.length));
  const tensor = stack(
    prepared.map(({ data, dims }) => ({ elementType: feed.contract.elementType, data, dims })),
    feed.sizes.batch,
  );
  assertFits(slot, tensor);
  const others = feed.inputs
    .filter((input) => input !== slot)
    .map((input) => [input.name, zeros(input, feed.sizes)]);
  return { ...Object.fromEntries(others), [slot.name]: tensor };
}

/** The model input that the items go to: the contract's, or the only one. */
export function findDataSlot(inputs: readonly TensorSlot[], contract: InputContract__Output): TensorSlot {
  const [first, second] = inputs;
  const names = inputs.map(({ name }) => name).join(', ');
  // A backend that declares no shape takes whatever it is given.
  if (first && !second && (contract.inputName === '' || first.shape === undefined)) return first;
  const named = inputs.find(({ name }) => name === contract.inputName);
  if (named) return named;
  const problem = contract.inputName
    ? `The input contract names the input "${contract.inputName}", the model has ${names}.`
    : `The model has ${inputs.length} inputs (${names}), and the input contract does not say which one the data goes to.`;
  throw new QfleetError('shape-mismatch', problem, { hint: "Set inputName in the model's input contract." });
}

/** A tensor of zeros for an input. */
export function zeros(slot: TensorSlot, sizes: DimensionSizes): FeedTensor {
  const dims = resolveDims(slot, sizes);
  const length = dims.reduce((product, size) => product * size, 1);
  return { elementType: slot.elementType, data: new (typedArrayFor(slot.elementType))(length), dims };
}

function stack(parts: readonly FeedTensor[], batch: number): FeedTensor {
  const [first] = parts;
  if (!first) throw new QfleetError('shape-mismatch', 'There is no item to feed.');
  if (batch === 1) return first;
  const data = new (typedArrayFor(first.elementType))(first.data.length * batch);
  for (let i = 0; i < batch; i++) {
    const part = parts[i % parts.length] ?? first;
    // Source and target are of one element type.
    (data as Float32Array).set(part.data as Float32Array, i * first.data.length);
  }
  return { elementType: first.elementType, data, dims: [batch, ...first.dims.slice(1)] };
}

function assertFits(slot: TensorSlot, tensor: FeedTensor): void {
  if (slot.shape === undefined) return;
  const fits =
    slot.elementType === tensor.elementType &&
    slot.shape.length === tensor.dims.length &&
    slot.shape.every((dim, i) => typeof dim === 'string' || dim === tensor.dims[i]);
  if (fits) return;
  throw new QfleetError(
    'shape-mismatch',
    `Input "${slot.name}" expected ${slot.elementType} [${slot.shape.join(', ')}], got ${tensor.elementType} [${tensor.dims.join(', ')}].`,
    {
      hint: "Correct the model's input contract (layout, element type, height, width), or choose another dataset.",
    },
  );
}
