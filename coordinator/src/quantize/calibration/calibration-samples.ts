import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ItemLayout, PreparationContract } from '@qfleet/shared/inputs/prepare-input.ts';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import type { Feeds } from '../../ort/ort-messages.ts';

/** Calibration inputs, raw as in a dataset, in order. */
export interface CalibrationInputs {
  readonly datasetDigest: string;
  readonly item: ItemLayout;
  /** SHA-256 of each item as it was imported; as many as there are items. */
  readonly itemDigests: readonly string[];
  /** The items once more, from the first. */
  readonly items: () => AsyncIterable<Uint8Array>;
}

export interface SampleSource {
  readonly contract: PreparationContract & { readonly inputName: string };
  readonly calibration?: CalibrationInputs;
  readonly signal?: AbortSignal;
}

/** Inputs on which a variant's outputs are compared with the model's; enough for a mean over whole outputs. */
export const maxComparisons = 32;
/** Bound on the outputs that a comparison keeps in memory. */
export const maxComparisonBytes = 256 * 2 ** 20;

/** Calibration inputs on their way into the model: one at a time, as often as wanted; the child process prepares them by the input contract. */
export class CalibrationSamples {
  readonly #source: SampleSource;
  readonly #input: { readonly name: string; readonly rank: number } | QfleetError;

  constructor(folded: ModelProto, source: SampleSource) {
    this.#source = source;
    this.#input = chooseInput(folded, source);
  }

  get count(): number {
    return this.#source.calibration?.itemDigests.length ?? 0;
  }

  /** False where there are none, or the model has several inputs. */
  get canFeed(): boolean {
    return this.count > 0 && !(this.#input instanceof QfleetError);
  }

  /** Throws `refused` where a dataset cannot feed the model, or has nothing to feed it with. */
  requireInputs(): void {
    if (this.#input instanceof QfleetError) throw this.#input;
    if (this.count > 0) return;
    throw new QfleetError('refused', 'There are no calibration inputs, which this recipe needs.', {
      hint: 'Name a dataset with at least one (--calibration).',
    });
  }

  /** Throws `refused` where a dataset cannot feed the model, `cancelled`. */
  async *feeds(limit = Number.POSITIVE_INFINITY): AsyncGenerator<Feeds> {
    const { calibration, contract, signal } = this.#source;
    if (this.#input instanceof QfleetError) throw this.#input;
    if (!calibration) return;
    let given = 0;
    for await (const raw of calibration.items()) {
      if (signal?.aborted) throw new QfleetError('cancelled', 'Quantizing was cancelled.');
      if (given++ >= limit) return;
      yield { [this.#input.name]: { raw, item: calibration.item, contract, rank: this.#input.rank } };
    }
  }
}

function chooseInput(
  folded: ModelProto,
  source: SampleSource,
): { readonly name: string; readonly rank: number } | QfleetError {
  const inputs = folded.graph!.input;
  const [input] = inputs;
  if (inputs.length !== 1) {
    const names = inputs.map(({ name }) => name).join(', ');
    return new QfleetError(
      'refused',
      `The model has ${inputs.length} inputs (${names}), a dataset feeds one.`,
      {
        hint: 'Recipes without calibration (fp16, int8-dyn, int4-wo) work; calibrated ones do not yet.',
      },
    );
  }
  if (source.contract.inputName !== '' && input?.name !== source.contract.inputName) {
    return new QfleetError(
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
