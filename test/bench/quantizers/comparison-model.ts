import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InputContract } from '@qfleet/shared/inputs/input-contract.ts';
import {
  type ContractFields,
  type ContractPreset,
  resolveContract,
} from '../../../coordinator/src/artefacts/input-contract.ts';
import { checkModel } from '../../../coordinator/src/ort/check-model.ts';
import { dataFolder } from '../../../deploy/find-data-folder.ts';
import { sampleContract, sampleModel } from '../../support/glyph-data.ts';
import type { ImageSource } from './draw-images.ts';

/** A network that quantizers are compared on, with images that fit it. */
export interface ComparisonModel {
  readonly name: string;
  readonly path: string;
  readonly scaling: { readonly preset: ContractPreset } | { readonly contractPath: string };
  readonly images: ImageSource;
}

const cifar10: ImageSource = {
  kind: 'dataset',
  path: join(dataFolder, 'datasets/cifar10-test-jpg.tar'),
  count: 10_000,
};
const mnist: ImageSource = { kind: 'dataset', path: join(dataFolder, 'datasets/mnist-t10k'), count: 10_000 };

export const comparisonModels: readonly ComparisonModel[] = [
  {
    name: 'mobilenetv2-7',
    path: join(dataFolder, 'models/mobilenetv2-7.onnx'),
    scaling: { preset: 'imagenet' },
    images: cifar10,
  },
  {
    name: 'squeezenet1.1',
    path: join(dataFolder, 'models/squeezenet1.1.onnx'),
    scaling: { preset: 'imagenet' },
    images: cifar10,
  },
  {
    name: 'mnist-8',
    path: join(dataFolder, 'models/mnist-8.onnx'),
    scaling: { preset: 'raw' },
    images: mnist,
  },
  {
    name: 'mnist-cnn-pytorch',
    path: join(dataFolder, 'models/mnist-cnn-pytorch.onnx'),
    scaling: { preset: 'mnist' },
    images: mnist,
  },
  {
    name: 'glyphnet',
    path: sampleModel,
    scaling: { contractPath: sampleContract },
    images: { kind: 'glyphs' },
  },
];

/** Size of the images where the model leaves it open. */
const openSize = { height: 224, width: 224 };

/** The complete input contract, as the project resolves it. */
export async function contractOf(model: ComparisonModel): Promise<InputContract> {
  const { inputs } = await checkModel(model.path);
  const fields: ContractFields =
    'preset' in model.scaling
      ? { preset: model.scaling.preset }
      : (JSON.parse(await readFile(model.scaling.contractPath, 'utf8')) as ContractFields);
  const isOpen = inputs[0]?.shape.slice(2).some((size) => typeof size === 'string');
  return resolveContract(isOpen ? { ...openSize, ...fields } : fields, inputs).contract;
}

/** The same for the command line of `qfleet quantize`. */
export function scalingArguments({ scaling }: ComparisonModel): string[] {
  return 'preset' in scaling ? ['--preset', scaling.preset] : ['--contract', scaling.contractPath];
}

/** Where qfleet's launcher is. */
export const qfleetPath: string = join(import.meta.dirname, '../../../coordinator/src/cli/qfleet.cjs');
