import type { TensorMessage } from './ort-messages.ts';
import { trimmedMean } from './trimmed-mean.ts';

type Values = Map<string, TensorMessage>;

/** Values per channel that a mean is taken of; more change nothing. */
const maxValuesPerChannel = 4096;

/** The tensors between two stages of two forms of a model, one set for each input. */
export class StagedValues {
  readonly #stores = new Map<string, Values[]>();

  /** One map of tensors per input; begins empty. */
  of(store: string): Values[] {
    const found = this.#stores.get(store) ?? [];
    this.#stores.set(store, found);
    return found;
  }

  clear(): void {
    this.#stores.clear();
  }

  /**
   * The trimmed mean by channel of what a tensor `[batch, channels, …]` of the candidate lacks to be the reference's,
   * over all inputs; it is added to the candidate's.
   */
  shift(
    reference: { store: string; tensor: string },
    candidate: { store: string; tensor: string },
  ): Float32Array {
    const wanted = this.of(reference.store).map((values) => values.get(reference.tensor)!);
    const found = this.of(candidate.store).map((values) => values.get(candidate.tensor)!);
    const channels = wanted[0]!.dims[1]!;
    const shift = new Float32Array(channels);
    for (let c = 0; c < channels; c++) {
      shift[c] = trimmedMean(differences(wanted, found, c, channels));
      for (const tensor of found) addToChannel(tensor, c, channels, shift[c]!);
    }
    return shift;
  }
}

/** A regular selection of places, so that every input and every region counts. */
function differences(
  wanted: readonly TensorMessage[],
  found: readonly TensorMessage[],
  channel: number,
  channels: number,
): Float32Array {
  const total = wanted.reduce((sum, { data }) => sum + data.length / channels, 0);
  const stride = Math.max(1, Math.ceil(total / maxValuesPerChannel));
  const values: number[] = [];
  for (const [i, tensor] of wanted.entries()) {
    const [x, y] = [tensor.data as Float32Array, found[i]!.data as Float32Array];
    for (const at of placesOf(tensor, channel, channels, stride)) values.push(x[at]! - y[at]!);
  }
  return Float32Array.from(values);
}

function addToChannel(tensor: TensorMessage, channel: number, channels: number, amount: number): void {
  const data = tensor.data as Float32Array;
  for (const at of placesOf(tensor, channel, channels, 1)) data[at]! += amount;
}

function* placesOf(
  { data, dims }: TensorMessage,
  channel: number,
  channels: number,
  stride: number,
): Generator<number> {
  const inner = dims.slice(2).reduce((product, size) => product * size, 1);
  for (let start = channel * inner; start < data.length; start += channels * inner)
    for (let i = 0; i < inner; i += stride) yield start + i;
}
