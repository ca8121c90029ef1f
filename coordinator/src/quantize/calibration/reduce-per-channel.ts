import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { type ModelProto, NodeProtoSchema, ValueInfoProtoSchema } from '../../../gen/onnx/onnx_pb.js';
import { makeTempFolder } from '../../files/make-temp-folder.ts';
import { intAttribute, intsAttribute } from '../../onnx/attribute.ts';
import { copyModel } from '../../onnx/copy-model.ts';
import { NamePool } from '../../onnx/name-pool.ts';
import { opsetOf } from '../../onnx/opset.ts';
import { createTensor } from '../../onnx/tensor.ts';
import { writeModel } from '../../onnx/write-model.ts';
import type { OrtChild, OrtChildOptions } from '../../ort/ort-child.ts';
import type { Feeds } from '../../ort/ort-messages.ts';
import { OrtPool } from '../../ort/ort-pool.ts';
import type { InputSource } from './collect-statistics.ts';

/** A tensor [batch, channels, …] and what to make of its channels. */
export interface ChannelReduction {
  readonly tensor: string;
  readonly rank: number;
  readonly operator: 'ReduceMax' | 'ReduceMin' | 'ReduceMean';
}

/**
 * One number per channel of each tensor over all inputs: the largest, the smallest, or the mean of the inputs' means.
 * Reduced inside the graph.
 */
export async function reducePerChannel(
  model: ModelProto,
  inputs: InputSource,
  reductions: readonly ChannelReduction[],
  options: OrtChildOptions,
): Promise<Float32Array[]> {
  await using folder = await makeTempFolder('channels', options.tempDir);
  const path = join(folder.path, 'channels.onnx');
  const { model: augmented, names } = addReductions(model, reductions);
  const bytes = writeModel(augmented);
  await writeFile(path, bytes);
  await using pool = new OrtPool(bytes.length, options);
  await pool.open({ slot: 'main', path, optimisation: 'all' });
  return await collect(pool, inputs, { reductions, names });
}

interface Named {
  readonly reductions: readonly ChannelReduction[];
  /** Output of each. */
  readonly names: readonly string[];
}

async function collect(
  pool: OrtPool,
  inputs: InputSource,
  { reductions, names }: Named,
): Promise<Float32Array[]> {
  let totals: Float64Array[] | undefined;
  let count = 0;
  const run = async (child: OrtChild, feeds: Feeds): Promise<Float32Array[]> => {
    const outputs = await child.run(feeds);
    return names.map((name) => outputs[name]!.data as Float32Array);
  };
  for await (const values of pool.map(inputs(), run)) {
    count++;
    totals ??= reductions.map(({ operator }, i) => Float64Array.from(values[i]!, () => startOf(operator)));
    for (const [i, { operator }] of reductions.entries()) {
      const total = totals[i]!;
      for (let c = 0; c < total.length; c++) total[c] = combine(operator, total[c]!, values[i]![c]!);
    }
  }
  return reductions.map(({ operator }, i) =>
    Float32Array.from(totals![i]!, (value) => (operator === 'ReduceMean' ? value / count : value)),
  );
}

function startOf(operator: ChannelReduction['operator']): number {
  if (operator === 'ReduceMean') return 0;
  return operator === 'ReduceMax' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function combine(operator: ChannelReduction['operator'], a: number, b: number): number {
  if (operator === 'ReduceMean') return a + b;
  return operator === 'ReduceMax' ? Math.max(a, b) : Math.min(a, b);
}

/** Reductions take their axes as an attribute until opset 17, as an input from 18 on. */
function addReductions(
  model: ModelProto,
  reductions: readonly ChannelReduction[],
): { readonly model: ModelProto; readonly names: readonly string[] } {
  const copy = copyModel(model);
  const graph = copy.graph!;
  const pool = new NamePool(graph);
  const names = reductions.map((_, i) => pool.take(`qfleet_channels_${i}`));
  const areAxesInput = opsetOf(copy) >= 18;
  graph.output = names.map((name) => create(ValueInfoProtoSchema, { name }));
  for (const [i, { tensor, rank, operator }] of reductions.entries()) {
    const axes = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1);
    const name = names[i]!;
    const axesName = pool.take(`${name}_axes`);
    if (areAxesInput)
      graph.initializer.push(
        createTensor(axesName, 'int64', [axes.length], BigInt64Array.from(axes, BigInt)),
      );
    graph.node.push(
      create(NodeProtoSchema, {
        opType: operator,
        name,
        input: areAxesInput ? [tensor, axesName] : [tensor],
        output: [name],
        attribute: [intAttribute('keepdims', 0), ...(areAxesInput ? [] : [intsAttribute('axes', axes)])],
      }),
    );
  }
  return { model: copy, names };
}
