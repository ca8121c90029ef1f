import type { InputContract } from '@qfleet/shared/inputs/input-contract.ts';
import { prepareInput } from '@qfleet/shared/inputs/prepare-input.ts';
import type { OrtChild } from '../../../coordinator/src/ort/ort-child.ts';
import type { TensorMessage } from '../../../coordinator/src/ort/ort-messages.ts';
import type { Images } from './draw-images.ts';

/** What a file gives for every image: one Float32Array per output, outputs in the order of their names. */
export type Outputs = readonly (readonly Float32Array[])[];

/** Runs a file on all images in the child, with all optimisations, as a device would. */
export async function evaluateFile(
  child: OrtChild,
  path: string,
  images: Images,
  contract: InputContract,
): Promise<Outputs> {
  const { inputs } = await child.open({ path, optimisation: 'all' });
  const input = inputs[0]!;
  const outputs: Float32Array[][] = [];
  for (let i = 0; i < images.count; i++) {
    const feed = prepareImage(images, i, contract, input.shape.length);
    outputs.push(sortOutputs(await child.run({ [input.name]: feed })));
  }
  return outputs;
}

function prepareImage(images: Images, index: number, contract: InputContract, rank: number): TensorMessage {
  const sizeBytes = images.shape.reduce((product, size) => product * size, 1);
  const raw = images.pixels.subarray(index * sizeBytes, (index + 1) * sizeBytes);
  const { data, dims } = prepareInput(raw, { elementType: 'uint8', shape: images.shape }, contract, rank);
  return { elementType: contract.elementType, data, dims };
}

function sortOutputs(outputs: Readonly<Record<string, TensorMessage>>): Float32Array[] {
  const names = Object.keys(outputs).sort();
  return names.map((name) => Float32Array.from(outputs[name]!.data as Float32Array));
}
