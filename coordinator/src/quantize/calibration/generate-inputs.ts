import { typedArrayFor } from '@qfleet/shared/inputs/typed-array-for.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import type { Outputs, SessionMetadata, TensorMessage } from '../../ort/ort-messages.ts';

/** Sizes that open dimensions are tried with; speech models want a window of some hundred samples. */
export const openSizes: readonly number[] = [1, 16, 256, 512, 576];

/**
 * Made-up inputs to find out whether a model runs at all: floats between 0 and 1 from a fixed seed, zeros for whole
 * numbers. The first dimension is a batch of 1 where it is open, other open ones take `openSize`.
 */
export function generateInputs({ inputs }: SessionMetadata, openSize: number): Outputs {
  const random = createRandom(1);
  // A batch has the same name wherever it stands: recurrent states have it in their middle.
  const batches = new Set(inputs.map(({ shape }) => shape[0]).filter((first) => first !== '?'));
  const sizeOf = (size: number | string, axis: number): number =>
    typeof size === 'number' ? size : axis === 0 || batches.has(size) ? 1 : openSize;
  return Object.fromEntries(
    inputs.map(({ name, elementType, shape }): [string, TensorMessage] => {
      const dims = shape.map(sizeOf);
      const data = new (typedArrayFor(elementType))(dims.reduce((product, size) => product * size, 1));
      if (elementType.startsWith('float')) for (let i = 0; i < data.length; i++) data[i] = random.next();
      return [name, { elementType, dims, data }];
    }),
  );
}
