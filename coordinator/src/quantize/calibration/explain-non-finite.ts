import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ModelProto, NodeProto, TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { makeTempFolder } from '../../files/make-temp-folder.ts';
import { type GraphIndex, indexGraph } from '../../onnx/graph-index.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { readFloats } from '../../onnx/tensor.ts';
import { describeNode, subgraphs, walkNodes } from '../../onnx/walk-graph.ts';
import { writeModel } from '../../onnx/write-model.ts';
import { OrtChild, type OrtChildOptions } from '../../ort/ort-child.ts';
import type { Feeds } from '../../ort/ort-messages.ts';
import { withFiniteChecks } from './augment-model.ts';

export interface NonFiniteTensor {
  readonly model: ModelProto;
  /** Of its main graph. */
  readonly types: ReadonlyMap<string, TensorType>;
  readonly tensor: string;
  readonly feeds: Feeds;
}

/** Why a tensor that would have to be quantized holds a NaN or an infinity: `refused`, with `findNonFiniteCause`'s answer. */
export async function explainNonFinite(
  found: NonFiniteTensor & { readonly input: number },
  options: OrtChildOptions,
): Promise<QfleetError> {
  const { cause, hint } = await findNonFiniteCause(found, options);
  return new QfleetError(
    'refused',
    `Tensor "${found.tensor}", which would have to be quantized, has a NaN or an infinity for calibration input ${found.input}: ${cause}.`,
    { hint },
  );
}

interface Cause {
  readonly cause: string;
  readonly hint: string;
}

/**
 * Runs the model on an input and looks for the first tensor on the way to this one that is not finite. Says whether the
 * input brings it, a constant of the model, or an operator makes it of finite values.
 */
export async function findNonFiniteCause(
  { model, types, tensor, feeds }: NonFiniteTensor,
  options: OrtChildOptions,
): Promise<Cause> {
  const index = indexGraph(model.graph!);
  const way = listAncestors(model.graph!.node, index, tensor).filter(
    (name) => types.get(name)?.elementType === 'float32' && !index.initialisers.has(name),
  );
  const first = await findFirst(model, way, feeds, options);
  return describeCause(first ?? tensor, index);
}

/** The tensor and everything that it is computed from, in the order in which that is computed, graph inputs first. */
function listAncestors(nodes: readonly NodeProto[], index: GraphIndex, tensor: string): string[] {
  const wanted = new Set([tensor]);
  for (const node of nodes.toReversed()) {
    if (!node.output.some((name) => wanted.has(name))) continue;
    for (const name of node.input) wanted.add(name);
    for (const inner of subgraphs(node))
      for (const { node: reader } of walkNodes(inner)) for (const name of reader.input) wanted.add(name);
  }
  const made = nodes.flatMap(({ output }) => output);
  return [...index.inputs, ...made].filter((name) => name !== '' && wanted.has(name));
}

async function findFirst(
  model: ModelProto,
  tensors: readonly string[],
  feeds: Feeds,
  options: OrtChildOptions,
): Promise<string | undefined> {
  await using folder = await makeTempFolder('finite', options.tempDir);
  const path = join(folder.path, 'checked.onnx');
  const checked = withFiniteChecks(model, tensors);
  await writeFile(path, writeModel(checked.model));
  await using child = OrtChild.take(options);
  await child.open({ path, optimisation: 'all' });
  const sums = await child.runForScalars({ feeds, names: checked.names });
  return tensors[sums.findIndex((sum) => sum !== 0)];
}

function describeCause(tensor: string, { producers, initialisers }: GraphIndex): Cause {
  const node = producers.get(tensor);
  if (!node) {
    return {
      cause: `input "${tensor}" is fed with it`,
      hint: 'Look at that item of the dataset, and at scale, mean and deviation of the input contract.',
    };
  }
  const constant = node.input.find((name) => holdsNonFinite(initialisers.get(name)));
  return constant === undefined
    ? {
        cause: `${describeNode(node)} makes it of finite values`,
        hint: 'Look at that operator (a logarithm of 0, a division by 0, an overflow), or keep what reads it float (keepFloat).',
      }
    : {
        cause: `the model's constant "${constant}" brings it in at ${describeNode(node)}`,
        hint: 'Put a large finite number there (-10000 masks as well), or keep what reads it float (keepFloat).',
      };
}

function holdsNonFinite(tensor: TensorProto | undefined): boolean {
  return tensor?.dataType === 1 && !readFloats(tensor).every(Number.isFinite);
}
