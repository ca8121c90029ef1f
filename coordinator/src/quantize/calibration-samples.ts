import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import {
  type ItemLayout,
  type PreparationContract,
  prepareInput,
} from '@qfleet/shared/inputs/prepare-input.ts';
import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import type { TensorMessage } from './ort-messages.ts';

/** Calibration inputs, raw as in a dataset, in order. */
export interface CalibrationInputs {
  readonly datasetDigest: string;
  readonly item: ItemLayout;
  readonly items: AsyncIterable<Uint8Array>;
  /** For progress; 0 where it is not known. */
  readonly count: number;
}

export interface SampleSource {
  readonly contract: PreparationContract & { readonly inputName: string };
  readonly calibration?: CalibrationInputs;
  readonly signal?: AbortSignal;
}

/** Inputs on which a variant's outputs are compared with the model's; enough for a mean over whole outputs. */
export const maxComparisons = 64;
/** Bound on what the comparison keeps in memory, inputs and outputs each. */
export const maxComparisonBytes = 256 * 2 ** 20;

/**
 * Calibration inputs on their way into the model: prepared by its input contract, one at a time; the first ones
 * are kept for comparing outputs, the digests of all are kept. Throws `refused` where the model has other than
 * one input.
 */
export class CalibrationSamples {
  readonly kept: Record<string, TensorMessage>[] = [];
  readonly digests: string[] = [];
  readonly #inputName: string;
  readonly #rank: number;
  readonly #source: SampleSource;
  #keptBytes = 0;

  constructor(folded: ModelProto, source: SampleSource) {
    const input = chooseInput(folded, source);
    this.#inputName = input.name;
    this.#rank = input.rank;
    this.#source = source;
  }

  async *feeds(): AsyncGenerator<Record<string, TensorMessage>> {
    const { calibration, contract, signal } = this.#source;
    if (!calibration) return;
    for await (const raw of calibration.items) {
      if (signal?.aborted) throw new QfleetError('cancelled', 'Quantizing was cancelled.');
      const { data, dims } = prepareInput(raw, calibration.item, contract, this.#rank);
      const feeds = { [this.#inputName]: { elementType: contract.elementType, dims, data } };
      this.digests.push(digestBytes(raw));
      const isKept =
        this.kept.length < maxComparisons && this.#keptBytes + data.byteLength <= maxComparisonBytes;
      if (isKept) this.kept.push(feeds);
      if (isKept) this.#keptBytes += data.byteLength;
      yield feeds;
    }
  }
}

function chooseInput(folded: ModelProto, source: SampleSource): { name: string; rank: number } {
  const inputs = folded.graph!.input;
  if (source.calibration && inputs.length !== 1) {
    const names = inputs.map((input) => input.name).join(', ');
    throw new QfleetError(
      'refused',
      `The model has ${inputs.length} inputs (${names}), a dataset feeds one.`,
      {
        hint: 'Models with state or several inputs can be measured as they are, but not calibrated yet.',
      },
    );
  }
  const [input] = inputs;
  if (source.contract.inputName !== '' && input?.name !== source.contract.inputName) {
    throw new QfleetError(
      'refused',
      `The input contract is for input "${source.contract.inputName}", the model has "${input?.name}".`,
    );
  }
  const type = input?.type?.value;
  return {
    name: input?.name ?? '',
    rank: type?.case === 'tensorType' ? (type.value.shape?.dim.length ?? 0) : 0,
  };
}
