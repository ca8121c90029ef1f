import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clone, create } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import {
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  ValueInfoProtoSchema,
} from '../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../onnx/attribute.ts';
import { writeModel } from '../onnx/write-model.ts';
import type { Ranges } from './choose-activation-scales.ts';
import { OrtChild, type OrtChildOptions } from './ort-child.ts';
import type { TensorMessage } from './ort-messages.ts';

export interface CalibrationOptions extends OrtChildOptions {
  /** Float32 tensors of the main graph whose ranges are wanted. */
  readonly tensors: readonly string[];
  readonly onInput?: (done: number) => void;
}

/**
 * Smallest and largest value of each tensor over all inputs: MinMax calibration. The graph is given ReduceMin,
 * ReduceMax and a sum of magnitudes per tensor, so that three numbers per tensor and input leave ONNX
 * Runtime; optimisations are off, as in onnxruntime.quantization. Inputs stream through one at a time. Throws
 * `refused` naming tensor and input where a value is NaN or infinite, and where there are no inputs.
 */
export async function calibrate(
  model: ModelProto,
  inputs: AsyncIterable<Readonly<Record<string, TensorMessage>>>,
  options: CalibrationOptions,
): Promise<Ranges> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-calibration-'));
  try {
    const path = join(folder, 'augmented.onnx');
    await writeFile(path, writeModel(augment(model, options.tensors)));
    await using child = new OrtChild(options);
    await child.open({ path, optimisation: 'disabled' });
    return await collectRanges(child, inputs, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function collectRanges(
  child: OrtChild,
  inputs: AsyncIterable<Readonly<Record<string, TensorMessage>>>,
  { tensors, onInput }: CalibrationOptions,
): Promise<Ranges> {
  const lows = new Float64Array(tensors.length).fill(Number.POSITIVE_INFINITY);
  const highs = new Float64Array(tensors.length).fill(Number.NEGATIVE_INFINITY);
  let count = 0;
  for await (const feeds of inputs) {
    refuseNotFinite(feeds, count);
    const outputs = await child.run(feeds);
    for (const [i, tensor] of tensors.entries()) {
      const [low, high, magnitude] = statistics.map(({ suffix }) =>
        Number(outputs[tensor + suffix]?.data[0]),
      );
      if (![low, high, magnitude].every(Number.isFinite)) throw notFinite(`Tensor "${tensor}"`, count);
      lows[i] = Math.min(lows[i]!, low!);
      highs[i] = Math.max(highs[i]!, high!);
    }
    count++;
    onInput?.(count);
  }
  if (count === 0) {
    throw new QfleetError('refused', 'There are no calibration inputs.', {
      hint: 'Give a dataset with at least one.',
    });
  }
  return Object.fromEntries(tensors.map((tensor, i) => [tensor, { low: lows[i]!, high: highs[i]! }]));
}

/** ReduceMin and ReduceMax may skip a NaN; a sum does not. */
const statistics = [
  { opType: 'ReduceMin', suffix: '_qfleet_low' },
  { opType: 'ReduceMax', suffix: '_qfleet_high' },
  { opType: 'ReduceL1', suffix: '_qfleet_magnitude' },
] as const;

function augment(model: ModelProto, tensors: readonly string[]): ModelProto {
  const augmented = clone(ModelProtoSchema, model);
  const graph = augmented.graph!;
  graph.output = [];
  for (const tensor of tensors) {
    for (const { opType, suffix } of statistics) {
      const name = tensor + suffix;
      graph.node.push(
        create(NodeProtoSchema, {
          opType,
          name,
          input: [tensor],
          output: [name],
          attribute: [intAttribute('keepdims', 0)],
        }),
      );
      graph.output.push(create(ValueInfoProtoSchema, { name }));
    }
  }
  return augmented;
}

function refuseNotFinite(feeds: Readonly<Record<string, TensorMessage>>, index: number): void {
  for (const [name, { data }] of Object.entries(feeds)) {
    if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) continue;
    if (!data.every(Number.isFinite)) throw notFinite(`Model input "${name}"`, index);
  }
}

function notFinite(what: string, index: number): QfleetError {
  return new QfleetError('refused', `${what} has a NaN or an infinity for calibration input ${index}.`, {
    hint: 'Look at that item of the dataset, and at scale, mean and deviation of the input contract.',
  });
}
